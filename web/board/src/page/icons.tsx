/** A line drawing in the manner of the component's menu. */
function Icon({ path }: { path: string }) {
  return (
    <svg viewBox="0 0 20 20" fill="none" stroke="currentColor" strokeWidth="1.25" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
      <path d={path} />
    </svg>
  );
}

/** A clock that goes back. */
export function PastIcon() {
  return <Icon path="M3.5 4v3.5h3.5M3.7 7.5a7 7 0 1 1-.7 3.5M10 6.5V10l2.5 2" />;
}

/** A database. */
export function SqlIcon() {
  return <Icon path="M4 5c0-1.4 2.7-2.5 6-2.5s6 1.1 6 2.5-2.7 2.5-6 2.5S4 6.4 4 5zm0 0v10c0 1.4 2.7 2.5 6 2.5s6-1.1 6-2.5V5M4 10c0 1.4 2.7 2.5 6 2.5s6-1.1 6-2.5" />;
}

/** Boards beside each other. */
export function RoomsIcon() {
  return <Icon path="M3 3.5h5.5V9H3zM11.5 3.5H17V9h-5.5zM3 11.5h5.5V17H3zM11.5 11.5H17V17h-5.5z" />;
}

/** Something handed on. */
export function ShareIcon() {
  return <Icon path="M10 12.5v-9m0 0L7 6.5m3-3 3 3M5.5 9H4v8h12V9h-1.5" />;
}

/** Something taken in. */
export function ImportIcon() {
  return <Icon path="M10 3v9m0 0 3-3m-3 3L7 9M4 12.5V17h12v-4.5" />;
}

/** Somebody. */
export function PersonIcon() {
  return <Icon path="M10 9.5a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4zM3.8 17c.6-3.2 3.1-5 6.2-5s5.6 1.8 6.2 5" />;
}
