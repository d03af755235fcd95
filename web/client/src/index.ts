export { Client, type ClientSettings } from "./client.js";
export { Room, type Phase, type RoomEvents, type Status } from "./room.js";
export type { Rejection } from "./core/news.js";
export type { Off } from "./emitter.js";
export { sameJson, type Json, type JsonObject } from "./json.js";
export type { Append, Delete, Op, Patch, Put, Shape } from "./shape.js";
export { SERVER_OWNED } from "./shape.js";
export type { Peer } from "./wire.js";
export type { OpenSocket, Socket } from "./connection/socket.js";
export { systemClock, type Clock } from "./clock.js";
export { MemoryStore, type BoardChange, type Kept, type Store } from "./storage/store.js";
export { IndexedStore, type IndexedSettings } from "./storage/indexed.js";
// The pure parts: a client of another kind may be built from them.
export { Board, RESTART_GAP, type SavedBoard } from "./core/board.js";
export { receive } from "./core/receive.js";
export type { News } from "./core/news.js";
export type { Queued } from "./core/queue.js";
export type { At } from "./core/confirmed.js";
export type { Limits, Said, Told, Welcome } from "./wire.js";
