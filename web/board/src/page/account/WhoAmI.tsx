import { useState } from "react";
import { NameField } from "../NameField.js";
import { useAccount } from "./account.js";
import { signOut } from "./entry.js";
import { SignIn } from "./SignIn.js";

/** Who one is on the start page: a guest of a name, or somebody signed in. */
export function WhoAmI() {
  const account = useAccount();
  const [asking, setAsking] = useState(false);
  return (
    <div className="who">
      {account ? (
        <p>
          <span className="quiet">Signed in as</span> <strong>{account.name}</strong> {account.id !== account.name && <span className="quiet">{account.id}</span>}
        </p>
      ) : (
        <NameField label="Your name" />
      )}
      <button type="button" className="plain" onClick={() => (account ? void signOut() : setAsking(true))}>{account ? "Sign out" : "Sign in"}</button>
      {asking && <SignIn close={() => setAsking(false)} />}
    </div>
  );
}
