import { useRef } from "react";
import { CopyButton } from "./CopyButton.js";

/** An address to be handed on. */
export function Address({ text, label }: { text: string; label: string }) {
  const field = useRef<HTMLInputElement>(null);
  return (
    <div className="address">
      <input ref={field} readOnly value={text} aria-label={label} onFocus={(event) => event.target.select()} />
      <CopyButton text={text} select={() => field.current?.select()} />
    </div>
  );
}
