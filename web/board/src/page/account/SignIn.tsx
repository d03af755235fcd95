import { useState, type FormEvent } from "react";
import { myName } from "../../people/me.js";
import { Dialog } from "../Dialog.js";
import { signIn, signUp } from "./entry.js";

/** Asks who one is: signs in, or makes an account. */
export function SignIn({ close }: { close: () => void }) {
  const [isNew, setNew] = useState(false);
  const [trouble, setTrouble] = useState("");
  const enter = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const [login, password, name] = [said(given, "login").trim(), said(given, "password"), said(given, "name").trim()];
    const entered = isNew ? signUp(login, password, name) : signIn(login, password);
    entered.then(close, (failure: Error) => setTrouble(failure.message));
  };
  return (
    <Dialog title={isNew ? "Make an account" : "Sign in"} close={close}>
      <p className="quiet">Guests draw, too. With an account your boards, rights and undo follow you to other devices.</p>
      <form className="fields" onSubmit={enter}>
        <label>
          Login
          <input name="login" required autoFocus autoComplete="username" autoCapitalize="none" spellCheck={false} minLength={2} maxLength={32} pattern="[a-z0-9][a-z0-9._\-]*" title="Small letters, digits, and . _ - after the first" />
        </label>
        <label>
          Password
          <input name="password" type="password" required minLength={8} maxLength={256} autoComplete={isNew ? "new-password" : "current-password"} />
        </label>
        {isNew && (
          <label>
            What others call you
            <input name="name" maxLength={64} defaultValue={myName() ?? ""} autoComplete="nickname" />
          </label>
        )}
        {trouble && <p className="trouble" role="alert">{trouble}</p>}
        <footer>
          <button type="submit">{isNew ? "Make it" : "Sign in"}</button>
          <button type="button" className="plain" onClick={() => (setNew(!isNew), setTrouble(""))}>{isNew ? "I have an account" : "I have no account"}</button>
        </footer>
      </form>
    </Dialog>
  );
}

function said(given: FormData, field: string): string {
  return String(given.get(field) ?? "");
}
