import { useState } from "react";

/** Asks what a new room is to be called that begins with the board of this point. */
export function Branching({ branch }: { branch: (slug: string) => void }) {
  const [asking, setAsking] = useState(false);
  const [slug, setSlug] = useState("");
  if (!asking) return <button type="button" className="plain" onClick={() => setAsking(true)} title="Makes a new room that begins with this board">New room from here</button>;
  return (
    <form
      className="branching"
      onSubmit={(event) => {
        event.preventDefault();
        branch(slug.trim());
      }}
    >
      <input
        aria-label="Name of the new room"
        autoFocus
        value={slug}
        placeholder="a name, or leave it to chance"
        pattern="[A-Za-z0-9_\-]{1,64}"
        maxLength={64}
        title="Letters, digits, _ and -"
        onChange={(event) => setSlug(event.target.value)}
      />
      <button type="submit">Make it</button>
      <button type="button" className="plain" onClick={() => setAsking(false)}>Cancel</button>
    </form>
  );
}
