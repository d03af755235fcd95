/** The component asks for its fonts here, and without it on the internet. They lie beside the file that this is part of. */
window.EXCALIDRAW_ASSET_PATH = import.meta.env.DEV
  ? "/node_modules/@excalidraw/excalidraw/dist/prod/"
  : new URL("./", import.meta.url).href;
