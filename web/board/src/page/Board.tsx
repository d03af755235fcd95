import { Excalidraw } from "@excalidraw/excalidraw";
import "@excalidraw/excalidraw/index.css";
import type { ExcalidrawImperativeAPI } from "@excalidraw/excalidraw/types";
import type { Room } from "@pgcanvas/client";
import { useEffect, useLayoutEffect, useMemo, useState, type MouseEvent } from "react";
import { usePeople, type Self } from "../people/usePeople.js";
import { Binding } from "../sync/binding.js";
import { inOtherHands } from "../sync/hand.js";
import { hasEnded, useAccount } from "./account/account.js";
import { SignIn } from "./account/SignIn.js";
import { BoardMenu } from "./BoardMenu.js";
import { editorOf } from "./editor.js";
import { ShareIcon } from "./icons.js";
import { componentLanguage } from "./language.js";
import { adopt, useRoomPictures } from "./files/usePictures.js";
import { useLibrary } from "./library.js";
import { tellOfLost } from "./lost.js";
import { whyRejected } from "./refusal.js";
import { salvage } from "./salvage.js";
import { useStatus } from "./session.js";
import { ShareDialog } from "./share/ShareDialog.js";
import { useShield } from "./shield.js";
import { SqlDialog } from "./sql/SqlDialog.js";
import { StatusPill } from "./StatusPill.js";
import { useTheme } from "./theme.js";
import { takeDrop } from "./transfer/drop.js";
import { importLibrary, type Target } from "./transfer/importFile.js";
import { takePasted } from "./transfer/paste.js";
import { takeOverUndo } from "./undo.js";
import { look, lookAround, viewOf, type View } from "./view.js";

/** What of the component is not for a shared board: a file does not take its place, and is added by the page's own menu. */
const UI = {
  canvasActions: { loadScene: false, saveToActiveFile: false, export: { saveFileToDisk: true }, saveAsImage: true, changeViewBackgroundColor: false, toggleTheme: true },
} as const;

/** What is asked over the board. */
type Asked = { readonly what: "sql"; readonly ids: readonly string[] } | { readonly what: "share" | "sign-in" };

/** The board of a room, once it is there: the component, tied to the room. `view` is what to look at first; without it, all there is. */
export function Board({ room, view, openPast }: { room: Room; view: View | undefined; openPast: (view: View) => void }) {
  const [api, setApi] = useState<ExcalidrawImperativeAPI | undefined>();
  const theme = useTheme();
  const language = useMemo(componentLanguage, []);
  const self = usePeople(api, room);
  // The component empties its board once, when it is ready, and then begins to tell of changes.
  const [ready, setReady] = useState(false);
  const binding = useBinding(ready ? api : undefined, room, view, self);
  useShield(binding === undefined);
  const pictures = useRoomPictures(ready ? api : undefined, room);
  const target = useMemo(() => (api && binding && pictures ? { api, room, binding, pictures } : undefined), [api, room, binding, pictures]);
  const [asked, ask] = useState<Asked | undefined>();
  const role = useStatus(room)?.role;
  useSignInNews(api);
  useLibrary(ready ? api : undefined);
  const share = () => ask({ what: "share" });
  const close = () => ask(undefined);
  return (
    <div className="board" onDropCapture={(event) => takeDrop(event, target)} onClickCapture={(event) => takeLibraryClick(event, target)}>
      <Excalidraw
        excalidrawAPI={setApi}
        isCollaborating
        name={room.name}
        {...(role === "viewer" ? { viewModeEnabled: true } : {})}
        theme={theme.theme}
        langCode={language}
        UIOptions={UI}
        aiEnabled={false}
        autoFocus
        handleKeyboardGlobally
        generateIdForFile={(file) => (pictures && !room.viewOnly ? pictures.add(file) : Promise.reject(new Error("This board takes no pictures now.")))}
        onPaste={(data) => !target || room.viewOnly || takePasted(data, target)}
        onChange={(elements, appState, files) => {
          if (!ready) setReady(true);
          binding?.changed();
          if (api && pictures && !room.viewOnly) adopt(api, pictures, elements, files);
          self.looked(appState);
        }}
        onPointerUpdate={({ pointer, button }) => self.moved({ cursor: [pointer.x, pointer.y], tool: pointer.tool, button })}
        renderTopRightUI={(isMobile) => (isMobile ? null : <TopRight room={room} bound={binding !== undefined} share={share} />)}
      >
        <BoardMenu
          target={target}
          viewOnly={role === "viewer"}
          theme={theme}
          share={share}
          signIn={() => ask({ what: "sign-in" })}
          openPast={() => api && openPast(viewOf(api.getAppState()))}
          openSql={() => api && ask({ what: "sql", ids: selectedIds(api) })}
        />
      </Excalidraw>
      <div className="status-on-phone">{binding && <StatusPill room={room} />}</div>
      {asked?.what === "sql" && <SqlDialog room={room.name} ids={asked.ids} close={close} />}
      {asked?.what === "share" && <ShareDialog room={room.name} role={role} close={close} />}
      {asked?.what === "sign-in" && <SignIn close={close} />}
    </div>
  );
}

/** Opens a library in place of the component, which takes none of one in which an element cannot be read. */
function takeLibraryClick(event: MouseEvent, target: Target | undefined): void {
  if (!target || !(event.target instanceof Element) || !event.target.closest('[data-testid="lib-dropdown--load"]')) return;
  event.stopPropagation();
  document.querySelector<HTMLElement>('[data-testid="library"] [data-testid="dropdown-menu-button"]')?.click();
  importLibrary(target);
}

/** `bound`: the board shows the room, so its status is the board's. */
function TopRight({ room, bound, share }: { room: Room; bound: boolean; share: () => void }) {
  return (
    <>
      {bound && <StatusPill room={room} />}
      <button type="button" className="share" aria-label="Share" title="Share" onClick={share}>
        <ShareIcon />
        <span>Share</span>
      </button>
    </>
  );
}

/** Says when somebody else is signed in, by whatever it came: a sign-in may run out, or end in another tab. */
function useSignInNews(api: ExcalidrawImperativeAPI | undefined): void {
  const account = useAccount();
  const [before, setBefore] = useState(account);
  useEffect(() => {
    if (before?.token === account?.token) return;
    setBefore(account);
    const left = hasEnded() ? "Your sign-in has ended: you go on as a guest." : "You are signed out, and go on as a guest.";
    api?.setToast({ message: account ? `You are signed in as ${account.name}.` : left, closable: true, duration: 4000 });
  }, [api, account, before]);
}

/** The selected elements that are shapes of the room. */
function selectedIds(api: ExcalidrawImperativeAPI): string[] {
  const { selectedElementIds } = api.getAppState();
  return api.getSceneElements().map(({ id }) => id).filter((id) => selectedElementIds[id]);
}

/** Ties the component to the room for as long as both are there. */
function useBinding(api: ExcalidrawImperativeAPI | undefined, room: Room, view: View | undefined, self: Self): Binding | undefined {
  const [binding, setBinding] = useState<Binding | undefined>();
  // Before the component goes, and with it what is in hand and not told yet.
  useLayoutEffect(() => () => binding?.tellNow(), [binding]);
  useEffect(() => {
    if (!api) return undefined;
    // The first who listens: what was given up while the page was loading is told, too.
    let tied: Binding | undefined;
    const off = room.on("reject", (rejection) => {
      if (salvage(room, (ids) => tied?.refresh(ids), rejection)) return;
      api.setToast({ message: whyRejected(rejection, (id) => room.shape(id)), closable: true, duration: 6000 });
    });
    const made = new Binding(editorOf(api), room, (drag) => self.moved({ drag: drag.length > 0 ? drag : undefined }));
    tied = made;
    const watch = () => made.watch(room.status.phase === "live" ? inOtherHands(room.peers.values(), room.session) : new Map());
    const offs = [room.on("peers", watch), room.on("status", watch), tellOfLost(api, room)];
    takeOverUndo(api, room, made);
    setBinding(made);
    const stopWatching = watchPointer(made);
    const stopGuarding = guardUnsent(room);
    if (view) look(api, view);
    else lookAround(api);
    return () => {
      off();
      for (const stop of offs) stop();
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
