import { callMe } from "../../people/me.js";
import { ask, post } from "../api.js";
import { become } from "./account.js";

/** Makes an account and signs in. */
export function signUp(login: string, password: string, name: string): Promise<void> {
  return enter("/api/signup", { login, password, ...(name === "" ? {} : { name }) });
}

/** Signs in. */
export function signIn(login: string, password: string): Promise<void> {
  return enter("/api/signin", { login, password });
}

/** Signs out: the node forgets the sign-in, and this browser does even if no node answers. */
export async function signOut(): Promise<void> {
  // The request takes the token along before it is forgotten.
  const answered = ask("/api/signout", { method: "POST" }).catch(() => undefined);
  become(undefined);
  await answered;
}

async function enter(path: string, body: object): Promise<void> {
  const { token, user } = await post<{ token: string; user: { id: string; name: string } }>(path, body);
  callMe(user.name);
  become({ id: user.id, name: user.name, token });
}
