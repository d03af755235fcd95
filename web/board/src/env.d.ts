/// <reference types="vite/client" />

interface Window {
  /** Where the component finds its fonts. */
  EXCALIDRAW_ASSET_PATH?: string;
}
