import { Excalidraw, MainMenu } from "@excalidraw/excalidraw";
import "@excalidraw/excalidraw/index.css";
import type { ExcalidrawImperativeAPI } from "@excalidraw/excalidraw/types";
import type { Room } from "@pgcanvas/client";
import { useEffect, useMemo, useState } from "react";
import { usePeople } from "../people/usePeople.js";
import { Binding } from "../sync/binding.js";
import { editorOf } from "./editor.js";
import { componentLanguage } from "./language.js";
import { adopt, useRoomPictures } from "./files/usePictures.js";
import { PastIcon, RoomsIcon, SqlIcon } from "./icons.js";
import { SqlDialog } from "./sql/SqlDialog.js";
import { StatusPill } from "./StatusPill.js";
import { useTheme } from "./theme.js";
import { takeOverUndo } from "./undo.js";
import { look, viewOf, type View } from "./view.js";

/** What of the component is not for a shared board: files and pictures of it are the node's business. */
const UI = {
  canvasActions: { loadScene: false, saveToActiveFile: false, export: false, saveAsImage: false, changeViewBackgroundColor: false },
} as const;

/** The board of a room, once it is there: the component, tied to the room. `view` is what to look at first; without it, all there is. */
export function Board({ room, view, openPast }: { room: Room; view: View | undefined; openPast: (view: View) => void }) {
  const [api, setApi] = useState<ExcalidrawImperativeAPI | undefined>();
  const { theme, choice, choose } = useTheme();
  const language = useMemo(componentLanguage, []);
  const self = usePeople(api, room);
  // The component empties its board once, when it is ready, and then begins to tell of changes.
  const [ready, setReady] = useState(false);
  const binding = useBinding(ready ? api : undefined, room, view);
  const pictures = useRoomPictures(ready ? api : undefined, room);
  const [asked, setAsked] = useState<readonly string[] | undefined>();
  return (
    <div className="board">
      <Excalidraw
        excalidrawAPI={setApi}
        isCollaborating
        theme={theme}
        langCode={language}
        UIOptions={UI}
        aiEnabled={false}
        autoFocus
        handleKeyboardGlobally
        generateIdForFile={(file) => pictures?.add(file) ?? Promise.reject(new Error("The board is not ready."))}
        onChange={(_, appState, files) => {
          if (!ready) setReady(true);
          binding?.changed();
          if (api && pictures) adopt(api, pictures, files);
          self.looked(appState);
        }}
        onPointerUpdate={({ pointer, button }) => self.moved({ cursor: [pointer.x, pointer.y], tool: pointer.tool, button })}
        renderTopRightUI={(isMobile) => (isMobile ? null : <StatusPill room={room} />)}
      >
        <MainMenu>
          <MainMenu.ItemLink href="/" icon={<RoomsIcon />}>All rooms</MainMenu.ItemLink>
          <MainMenu.Item icon={<PastIcon />} onSelect={() => api && openPast(viewOf(api.getAppState()))}>History</MainMenu.Item>
          <MainMenu.Item icon={<SqlIcon />} onSelect={() => api && setAsked(selectedIds(api))}>Open in SQL</MainMenu.Item>
          <MainMenu.Separator />
          <MainMenu.DefaultItems.SearchMenu />
          <MainMenu.DefaultItems.CommandPalette />
          <MainMenu.DefaultItems.Help />
          <MainMenu.DefaultItems.ClearCanvas />
          <MainMenu.Separator />
          <MainMenu.DefaultItems.ToggleTheme allowSystemTheme theme={choice} onSelect={choose} />
        </MainMenu>
      </Excalidraw>
      <div className="status-on-phone">
        <StatusPill room={room} />
      </div>
      {asked && <SqlDialog room={room.name} ids={asked} close={() => setAsked(undefined)} />}
    </div>
  );
}

/** The selected elements that are shapes of the room. */
function selectedIds(api: ExcalidrawImperativeAPI): string[] {
  const { selectedElementIds } = api.getAppState();
  return api.getSceneElements().map(({ id }) => id).filter((id) => selectedElementIds[id]);
}

/** Ties the component to the room for as long as both are there. */
function useBinding(api: ExcalidrawImperativeAPI | undefined, room: Room, view: View | undefined): Binding | undefined {
  const [binding, setBinding] = useState<Binding | undefined>();
  useEffect(() => {
    if (!api) return undefined;
    const made = new Binding(editorOf(api), room);
    takeOverUndo(api, room, made);
    setBinding(made);
    const off = room.on("reject", ({ message }) => api.setToast({ message: `The board did not take that: ${message}`, closable: true, duration: 6000 }));
    const stopWatching = watchPointer(made);
    const stopGuarding = guardUnsent(room);
    const [first] = room.shapes();
    if (view) look(api, view);
    else if (first) api.scrollToContent(undefined, { fitToContent: true, animate: false });
    return () => {
      off();
      stopWatching();
      stopGuarding();
      made.close();
    };
  }, [api, room]);
  return binding;
}

/** Asks before a page is closed whose gestures would be lost with it: only where the browser does not keep them. */
function guardUnsent(room: Room): () => void {
  const asked = (event: BeforeUnloadEvent) => {
    const { durable, unsent } = room.status;
    if (!durable && unsent > 0) event.preventDefault();
  };
  addEventListener("beforeunload", asked);
  return () => removeEventListener("beforeunload", asked);
}

function watchPointer(binding: Binding): () => void {
  const down = () => binding.press(true);
  // After the component has seen it.
  const up = () => setTimeout(() => binding.press(false));
  addEventListener("pointerdown", down, { capture: true });
  addEventListener("pointerup", up, { capture: true });
  addEventListener("pointercancel", up, { capture: true });
  const gone = () => binding.tellNow();
  addEventListener("pagehide", gone);
  return () => {
    removeEventListener("pointerdown", down, { capture: true });
    removeEventListener("pointerup", up, { capture: true });
    removeEventListener("pointercancel", up, { capture: true });
    removeEventListener("pagehide", gone);
  };
}
