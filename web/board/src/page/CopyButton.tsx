import { useState } from "react";

/** Copies a text; where the browser keeps its clipboard to itself (plain HTTP), `select` is called, and the keys are told. */
export function CopyButton({ text, select, label = "Copy" }: { text: string; select: () => void; label?: string }) {
  const [said, say] = useState("");
  const byHand = () => {
    select();
    say("Press Ctrl+C");
  };
  const copy = async () => navigator.clipboard.writeText(text);
  return <button type="button" className="plain" onClick={() => void copy().then(() => say("Copied"), byHand)}>{said || label}</button>;
}
