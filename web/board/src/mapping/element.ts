/** A member of an element: Excalidraw's, or one that nobody here knows. */
export type Member = unknown;

/** An element of Excalidraw, of any type and version: whatever members it has. */
export interface Element {
  readonly id: string;
  readonly type: string;
  readonly [name: string]: Member;
}

/**
 * Members that say how a copy of an element travels, not what is drawn. They are not stored: a row that is there is not deleted, and the
 * row's own `version`, `seq` and `updated_at` say the rest, in the order of the server. An element made of a row gets new ones, so that the
 * component takes it.
 */
export const TRANSPORT: ReadonlySet<string> = new Set(["version", "versionNonce", "updated", "isDeleted"]);
