import { lazy, Suspense } from "react";
import { roomOf } from "./place.js";
import { StartPage } from "./StartPage.js";

// The component is large, and the start page needs none of it.
const RoomPage = lazy(() => import("./RoomPage.js"));

/** The page that the address names. */
export function App() {
  const room = roomOf(location.pathname);
  if (room === undefined) return <StartPage />;
  return (
    <Suspense fallback={<p className="page-loading">Opening {room} …</p>}>
      <RoomPage room={room} />
    </Suspense>
  );
}
