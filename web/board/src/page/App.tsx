import { lazy, Suspense } from "react";
import { roomOf } from "./place.js";
import { StartPage } from "./StartPage.js";
import { hasLoaded, Loading, Unloaded } from "./Unloaded.js";

// The component is large, and the start page needs none of it.
const RoomPage = lazy(() => import("./RoomPage.js").then((page) => (hasLoaded(), page), () => ({ default: Unloaded })));

/** The page that the address names. */
export function App() {
  const room = roomOf(location.pathname);
  if (room === undefined) return <StartPage />;
  return (
    <Suspense fallback={<Loading room={room} />}>
      <RoomPage room={room} />
    </Suspense>
  );
}
