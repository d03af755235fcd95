import { Excalidraw } from "@excalidraw/excalidraw";
import "@excalidraw/excalidraw/index.css";
import type { ExcalidrawImperativeAPI } from "@excalidraw/excalidraw/types";
import type { Shape } from "@pgcanvas/client";
import { useEffect, useState } from "react";
import { completed } from "../../sync/halves.js";
import { inOrder } from "../../sync/order.js";
import { painted } from "../../sync/paint.js";
import { editorOf } from "../editor.js";
import { usePictures } from "../files/usePictures.js";
import { componentLanguage } from "../language.js";
import { useTheme } from "../theme.js";
import { look, type View } from "../view.js";

/** A board of the past: to be looked at, and no more. */
export function PastCanvas({ shapes, view }: { shapes: readonly Shape[]; view: View | undefined }) {
  const [api, setApi] = useState<ExcalidrawImperativeAPI | undefined>();
  const [ready, setReady] = useState(false);
  const { theme } = useTheme();
  useEffect(() => {
    if (api && ready && view) look(api, view);
  }, [api, ready, view]);
  useEffect(() => {
    if (!api || !ready) return;
    const editor = editorOf(api);
    editor.show(inOrder(completed(shapes)).map((row) => editor.prepare({ ...painted(row, undefined), index: null })));
  }, [api, ready, shapes]);
  usePictures(api, shapes);
  return (
    <Excalidraw
      excalidrawAPI={setApi}
      viewModeEnabled
      zenModeEnabled
      theme={theme}
      langCode={componentLanguage()}
      aiEnabled={false}
      onChange={() => {
        if (!ready) setReady(true);
      }}
    />
  );
}
