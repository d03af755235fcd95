import { useEffect, useRef, useState } from "react";
import { callMe, myName } from "../people/me.js";

/** Lets a person say what the others should call them; `first`: at once. */
export function NameField({ label, first = false }: { label: string; first?: boolean }) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (first) field.current?.focus();
  }, [first]);
  const [name, setName] = useState(myName() ?? "");
  return (
    <label className="name-field">
      {label}
      <input
        ref={field}
        value={name}
        maxLength={64}
        autoComplete="nickname"
        placeholder="guest"
        onChange={(event) => {
          setName(event.target.value);
          callMe(event.target.value);
        }}
      />
    </label>
  );
}
