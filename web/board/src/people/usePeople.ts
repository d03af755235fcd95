import { getVisibleSceneBounds, zoomToFitBounds } from "@excalidraw/excalidraw";
import type { AppState, ExcalidrawImperativeAPI } from "@excalidraw/excalidraw/types";
import type { Room } from "@pgcanvas/client";
import { useEffect, useRef } from "react";
import { collaboratorsOf } from "./collaborators.js";
import { meet } from "./names.js";
import { readState, stateOf, type Told } from "./state.js";

/** What the page calls when its person moves. */
export interface Self {
  moved(told: Told): void;
  looked(appState: AppState): void;
}

/** Shows the people of the room, follows one of them if that is wanted, and tells them of this one. */
export function usePeople(api: ExcalidrawImperativeAPI | undefined, room: Room): Self {
  const told = useRef<Told>({});
  const tell = (more: Told) => {
    told.current = { ...told.current, ...more };
    room.present(stateOf(told.current));
  };
  useEffect(() => {
    if (!api) return undefined;
    const show = () => {
      const there = room.status.phase === "live" || room.status.phase === "reconnecting" ? [...room.peers.values()] : [];
      meet(there);
      api.updateScene({ collaborators: collaboratorsOf(there, room.session) });
      follow(api, room);
    };
    show();
    const offs = [room.on("peers", show), room.on("status", show)];
    const turned = () => tell({ away: document.visibilityState === "hidden" });
    document.addEventListener("visibilitychange", turned);
    return () => {
      for (const off of offs) off();
      document.removeEventListener("visibilitychange", turned);
    };
  }, [api, room]);
  return {
    moved: tell,
    looked: (appState) => tell({ selection: Object.keys(appState.selectedElementIds), viewport: getVisibleSceneBounds(appState) }),
  };
}

/** Looks at what the person who is followed looks at. */
function follow(api: ExcalidrawImperativeAPI, room: Room): void {
  const appState = api.getAppState();
  const followed = appState.userToFollow && room.peers.get(appState.userToFollow.socketId);
  const bounds = followed && readState(followed.state).viewport;
  if (!bounds) return;
  const looking = zoomToFitBounds({ bounds: [...bounds], appState, fitToViewport: true, viewportZoomFactor: 1 });
  const { scrollX, scrollY, zoom } = looking.appState;
  api.updateScene({ appState: { scrollX, scrollY, zoom } });
}
