import type { ExcalidrawImperativeAPI } from "@excalidraw/excalidraw/types";
import type { Room } from "@pgcanvas/client";
import type { Binding } from "../sync/binding.js";
import { drawsNew } from "../sync/gesture.js";

type Action = Parameters<ExcalidrawImperativeAPI["registerAction"]>[0];
type Verb = "undo" | "redo";

/** What a person is told when it could not be done. Nothing left to do is no news. */
const SAID: Readonly<Record<string, string>> = {
  unavailable: "Undo needs the node: it comes back with the connection.",
  unsupported: "This node cannot undo yet.",
};

/**
 * Puts the server's undo in place of the component's, under its keys and buttons: the component's own would take back what it sees, with
 * the work of others in it, and forgets at a reload.
 */
export function takeOverUndo(api: ExcalidrawImperativeAPI, room: Room, binding: Binding): void {
  const say = (message: string) => api.setToast({ message, duration: 3000, closable: true });
  const turn = (verb: Verb) => {
    // It would be told half drawn and taken back at once, and go on being drawn by a hand that holds nothing any more.
    if (drawsNew(api.getAppState())) return say("Finish what you are drawing first.");
    // What was just drawn is what is to be undone.
    binding.tellNow();
    void room[verb]().then((code) => {
      const message = SAID[code];
      if (message) say(message);
    });
  };
  api.registerAction(actionOf("undo", turn));
  api.registerAction(actionOf("redo", turn));
}

function actionOf(verb: Verb, turn: (verb: Verb) => void): Action {
  return {
    name: verb,
    label: `buttons.${verb}`,
    trackEvent: false,
    viewMode: false,
    perform: () => {
      turn(verb);
      return false;
    },
    keyTest: (event) => isKeyOf(verb, event),
    PanelComponent: ({ updateData }) => <TurnButton verb={verb} turn={() => updateData()} />,
  };
}

function isKeyOf(verb: Verb, event: { key: string; ctrlKey: boolean; metaKey: boolean; shiftKey: boolean; altKey: boolean }): boolean {
  if (!(event.ctrlKey || event.metaKey) || event.altKey) return false;
  const key = event.key.toLowerCase();
  return verb === "undo" ? key === "z" && !event.shiftKey : (key === "z" && event.shiftKey) || (key === "y" && event.ctrlKey);
}

/** A button that looks like the component's own. */
function TurnButton({ verb, turn }: { verb: Verb; turn: () => void }) {
  const label = verb === "undo" ? "Undo" : "Redo";
  const path = verb === "undo" ? "M7.5 10.833 4.167 7.5 7.5 4.167M4.167 7.5h9.166a3.333 3.333 0 0 1 0 6.667H12.5" : "M12.5 10.833 15.833 7.5 12.5 4.167M15.833 7.5H6.667a3.333 3.333 0 1 0 0 6.667H7.5";
  return (
    <button
      type="button"
      className="ToolIcon_type_button ToolIcon_size_medium ToolIcon_type_button--show ToolIcon"
      aria-label={label}
      title={label}
      data-testid={`button-${verb}`}
      onClick={turn}
    >
      <div className="ToolIcon__icon" aria-hidden="true">
        <svg viewBox="0 0 20 20" fill="none" stroke="currentColor" strokeLinecap="round" strokeLinejoin="round" strokeWidth="1.25">
          <path d={path} />
        </svg>
      </div>
    </button>
  );
}
