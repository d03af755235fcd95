import type { ExcalidrawImperativeAPI } from "@excalidraw/excalidraw/types";
import type { Room } from "@pgcanvas/client";

/** Says when somebody deletes the text that is being written: it stays under the fingers, and is gone for everybody else. */
export function tellOfLostText(api: ExcalidrawImperativeAPI, room: Room): () => void {
  return room.on("change", ({ ids, own }) => {
    const id = api.getAppState().editingTextElement?.id;
    if (own || id === undefined || !ids.has(id) || room.shape(id)) return;
    api.setToast({ message: "Somebody deleted the text that you are writing. Write on, and it is there again.", closable: true, duration: 6000 });
  });
}
