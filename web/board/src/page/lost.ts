import type { ExcalidrawImperativeAPI } from "@excalidraw/excalidraw/types";
import type { Room } from "@pgcanvas/client";
import { inHand, type EditorState } from "../sync/gesture.js";

/** Says when somebody deletes what the person has in hand: it stays there until it is let go of, and is gone for everybody else. */
export function tellOfLost(api: ExcalidrawImperativeAPI, room: Room): () => void {
  return room.on("change", ({ ids, own }) => {
    const message = own ? undefined : saidOfLost(api.getAppState(), (id) => ids.has(id) && !room.shape(id));
    if (message) api.setToast({ message, closable: true, duration: 6000 });
  });
}

/** What a person is told when somebody deletes what they have in hand, if anything of it is gone. */
export function saidOfLost(state: EditorState, isGone: (id: string) => boolean): string | undefined {
  const gone = [...inHand(state)].filter(isGone);
  if (gone.length === 0) return undefined;
  const text = state.editingTextElement?.id;
  if (text !== undefined && gone.includes(text)) return "Somebody deleted the text that you are writing. Write on, and it is there again.";
  if (state.newElement?.type === "freedraw" && gone.includes(state.newElement.id)) return "Somebody deleted the stroke that you are drawing. Draw on, and it is there again.";
  return gone.length === 1 ? "Somebody deleted the shape that you have in hand: it is gone." : `Somebody deleted ${gone.length} of the shapes that you have in hand: they are gone.`;
}
