import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "./page/assets.js";
import "./page/theme.js";
import { App } from "./page/App.js";
import "./page/page.css";

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
