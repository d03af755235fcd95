import { useState } from "react";
import { callMe, myName } from "../people/me.js";

/** Lets a person say what the others should call them. */
export function NameField({ label }: { label: string }) {
  const [name, setName] = useState(myName() ?? "");
  return (
    <label className="name-field">
      {label}
      <input
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
