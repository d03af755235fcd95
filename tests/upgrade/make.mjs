// Makes the fixture of a version: a database with rows, history and clients in it, and what that version answered about them.
//
//   node --experimental-websocket tests/upgrade/make.mjs PROGRAM FOLDER
//
// PROGRAM is the pgcanvas of that version, FOLDER where `dump.sql.gz` and `answers.json` go. Needs psql, pg_dump and gzip. What is recorded:
// `asked` (of the database as dumped; changes nothing), and `then` (what that version did next with it, in this order).
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const [program, target] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "pgcanvas-upgrade-"));
chmodSync(folder, 0o755);
const data = join(folder, "data");
const node = spawn(program, ["--data-dir", data, "--listen", "127.0.0.1:0", "--sign-in-days", "3650", "--log", "warn"], { stdio: ["ignore", "pipe", "inherit"] });
const [first] = await new Promise((resolve) => createInterface({ input: node.stdout }).once("line", (line) => resolve([line])));
const address = first.split("http://")[1];
const connection = ["-h", join(data, "socket"), "-U", "pgcanvas"];
const sql = (text) => execFileSync("psql", [...connection, "-AtXq", "-v", "ON_ERROR_STOP=1", "-c", text, "pgcanvas"], { encoding: "utf8" }).trim();

const people = {};
const devices = Object.fromEntries(["ann", "bob", "guest", "phone", "dora"].map((name, at) => [name, { client: `6f1d2a3e-0000-4000-8000-00000000000${at + 1}`, key: `key-of-the-device-of-${name}-0123456789`, op_id: 0 }]));

/** A request as it is recorded. */
function request(method, path, { as, link, device } = {}, body = undefined) {
  const headers = {};
  if (as) headers.authorization = `Bearer ${people[as].token}`;
  if (link) headers["x-pgcanvas-link"] = link;
  if (device) headers["x-pgcanvas-key"] = devices[device].key;
  return { method, path, headers, ...(body === undefined ? {} : { body }) };
}

async function send({ method, path, headers, body }) {
  const answer = await fetch(`http://${address}${path}`, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const text = await answer.text();
  let json;
  try { json = JSON.parse(text); } catch { json = text; }
  return { status: answer.status, body: json };
}

async function must(asked) {
  const answer = await send(asked);
  if (answer.status >= 300) throw new Error(`${JSON.stringify(asked)}: ${JSON.stringify(answer)}`);
  return answer.body;
}

/** Every batch that was posted, to be repeated later. */
const posted = [];
async function draw(room, device, ops, { as = device === "guest" || device === "phone" ? undefined : device, verb = "ops", link, ...more } = {}, mayFail = false) {
  const { client } = devices[device];
  const op_id = (devices[device].op_id += 1);
  const asked = request("POST", `/api/rooms/${room}/${verb}`, { as, link, device }, { client, op_id, ...(ops === undefined ? {} : verb === "merge" ? { shapes: ops } : { ops }), ...more });
  posted.push(asked);
  return mayFail ? send(asked) : must(asked);
}

/** A socket that says hello and answers frame by frame. */
async function socket(device, as) {
  const ws = new WebSocket(`ws://${address}/ws`);
  const heard = [], waiting = [];
  ws.onmessage = ({ data: text }) => { heard.push(JSON.parse(text)); waiting.splice(0).forEach((wake) => wake()); };
  await new Promise((resolve, reject) => { ws.onopen = resolve; ws.onerror = reject; });
  const say = async (frame, answer) => {
    ws.send(JSON.stringify(frame));
    for (;;) {
      const at = heard.findIndex(({ type }) => answer.includes(type));
      if (at >= 0) return heard.splice(at, 1)[0];
      await new Promise((resolve) => waiting.push(resolve));
    }
  };
  const { client, key } = devices[device];
  await say({ type: "hello", protocol: 1, client, key, name: device, ...(as ? { token: people[as].token } : {}) }, ["welcome"]);
  return { say, close: () => ws.close() };
}

const box = (id, x, y, more = {}) => ({ op: "put", shape: { id, kind: "rectangle", x, y, width: 100, height: 60, ...more } });

/** Draws everything that a version can. */
async function history() {
  for (const login of ["ann", "bob", "cara", "dora"]) people[login] = await must(request("POST", "/api/signup", {}, { login, password: `correct horse ${login}`, name: login.toUpperCase() }));
  const links = {};
  await must(request("POST", "/api/rooms", { as: "ann" }, { slug: "design", visibility: "private" }));
  for (const [user, role] of [["bob", "editor"], ["cara", "viewer"]]) await must(request("PUT", `/api/rooms/design/members/${user}`, { as: "ann" }, { role }));
  for (const role of ["viewer", "editor"]) links[role] = (await must(request("POST", "/api/rooms/design/links", { as: "ann" }, { role }))).token;
  const gone = await must(request("POST", "/api/rooms/design/links", { as: "ann" }, { role: "owner" }));
  await must(request("DELETE", `/api/rooms/design/links/${gone.id}`, { as: "ann" }));
  links.gone = gone.token;

  await draw("design", "ann", [box("a", 0, 0, { stroke_color: "#1e1e1e", group_ids: ["g"], mood: "calm", link: null }), box("b", 300, 0, { group_ids: ["g"], props: { roundness: { type: 3 }, seed: 1e20 } }), { op: "put", shape: { id: "frame", kind: "frame", x: -50, y: -50, width: 900, height: 600 } }]);
  await draw("design", "bob", [{ op: "put", shape: { id: "arrow", kind: "arrow", x: 100, y: 30, width: 200, height: 0, points: [[0, 0], [200, 0]], props: { startBinding: { elementId: "a" }, endBinding: { elementId: "b" } } } }, { op: "put", shape: { id: "label", kind: "text", text: "naïve 🖍 \"text\"", container_id: "a", frame_id: "frame", font_size: 20, font_family: 5 } }, { op: "patch", id: "a", set: { props: { boundElements: [{ id: "label", type: "text" }, { id: "arrow", type: "arrow" }] } } }]);
  const pen = await socket("phone");
  await pen.say({ type: "join", room: "design", link: links.editor }, ["joined"]);
  const grow = (ops, more = {}) => pen.say({ type: "ops", room: "design", op_id: (devices.phone.op_id += 1), ops, ...more }, ["ack", "reject"]);
  await grow([{ op: "put", shape: { id: "stroke", kind: "freedraw", x: 10, y: 200, points: [[0, 0, 0.5], [1.25, 2.5, 0.5]], stroke_width: 4 } }]);
  const begun = devices.phone.op_id;
  for (let at = 0; at < 5; at += 1) await grow([{ op: "append", id: "stroke", points: Array.from({ length: 10 }, (_, n) => [at * 10 + n, n * n / 3, 0.25])}], { gesture: begun });
  pen.close();
  await draw("design", "ann", [{ op: "patch", id: "a", set: { x: 11.1, angle: 0.5, opacity: 40, props: { "x.y": 1 } }, unset: ["link"] }, { op: "patch", id: "b", set: { background_color: "#ffec99" }, unset: ["props.roundness"] }]);
  await draw("design", "bob", [{ op: "delete", id: "b" }]);
  await draw("design", "bob", [box("b", 310, 5), { op: "patch", id: "nowhere", set: { x: 1 } }]);
  await draw("design", "guest", [box("g1", 500, 100), box("g2", 520, 400)], { link: links.editor });
  await draw("design", "guest", [{ op: "patch", id: "g1", set: { y: 120 } }], { link: links.editor });
  await draw("design", "guest", undefined, { verb: "undo", link: links.editor });
  await draw("design", "ann", [{ op: "patch", id: "a", set: { width: 150 } }]);
  await draw("design", "ann", [{ op: "patch", id: "a", set: { height: 90 } }]);
  await draw("design", "ann", undefined, { verb: "undo" });
  await draw("design", "ann", undefined, { verb: "undo" });
  await draw("design", "ann", undefined, { verb: "redo" });
  await draw("design", "ann", [{ id: "m1", kind: "ellipse", x: 700, y: 0, width: 10, height: 10, version: 7, props: { versionNonce: 5 } }, { id: "g2", version: 9, is_deleted: true }, { id: "a", kind: "rectangle", x: 1, version: 1 }], { verb: "merge" });
  await draw("design", "bob", undefined, { verb: "undo", by: "guest-6f1d2a3e", box: [480, 80, 700, 300] });
  const png = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");
  const sha256 = [...new Uint8Array(await crypto.subtle.digest("SHA-256", png))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  await fetch(`http://${address}/api/files/${sha256}`, { method: "PUT", body: png });
  await draw("design", "ann", [{ op: "put", shape: { id: "picture", kind: "image", x: 600, y: 300, width: 64, height: 64, file_id: sha256 } }]);
  sql("update pgcanvas.shapes set background_color = '#a5d8ff' where kind = 'rectangle'; insert into pgcanvas.shapes (room_id, id, kind, x) select id, 'by-sql', 'diamond', 900 from pgcanvas.rooms where slug = 'design'; delete from pgcanvas.shapes where id = 'frame'");
  await must(request("POST", "/api/rooms/design/restore", { as: "ann" }, { seq: 2, shapes: ["a", "frame"] }));
  await must(request("POST", "/api/rooms/design/branch", { as: "bob" }, { seq: 9, slug: "branch" }));

  await must(request("POST", "/api/rooms", { as: "ann" }, { slug: "rules", policy: "strict" }));
  await draw("rules", "ann", [box("a", 0, 0)]);
  await draw("rules", "ann", [{ op: "patch", id: "a", set: { x: 5 }, base: 1 }]);
  await draw("rules", "bob", [{ op: "patch", id: "a", set: { x: 6 }, base: 1 }], {}, true);
  await must(request("POST", "/api/rooms", { as: "ann" }, { slug: "loose", policy: "offset", visibility: "readable" }));
  await must(request("PUT", "/api/rooms/loose/members/bob", { as: "ann" }, { role: "owner" }));
  await draw("loose", "ann", [box("a", 0, 0)]);
  await draw("loose", "bob", [box("b", 0, 0)], { seen: 0 });
  await draw("loose", "ann", [{ op: "patch", id: "a", set: { x: 3, text: "undone" } }]);
  await draw("loose", "ann", undefined, { verb: "undo" });

  links.plans = (await must(request("POST", "/api/rooms", {}, { slug: "plans", visibility: "private" }))).link.token;
  await draw("plans", "guest", [box("a", 1, 2)], { link: links.plans });
  await must(request("POST", "/api/rooms", {}, { slug: "ledger" }));
  await draw("ledger", "ann", [box("a", 0, 0)]);
  sql("select pgcanvas.chain_room('ledger')");
  for (let n = 1; n <= 4; n += 1) await draw("ledger", n % 2 ? "dora" : "ann", [{ op: "patch", id: "a", set: { x: n } }, box(`n${n}`, n * 200, 0)]);
  sql("call pgcanvas.erase_user('dora')");
  await must(request("POST", "/api/rooms", {}, { slug: "old" }));
  for (let n = 1; n <= 12; n += 1) await draw("old", "ann", [n === 1 ? box("a", 0, 0) : { op: "patch", id: "a", set: { x: n } }, box(`s${n % 4}`, n, n * 70)]);
  sql("select pgcanvas.prune_history('old', null, 9); select pgcanvas.write_snapshots()");
  sql(`insert into chat (roomid, message, userid) values (7, '{"shape":{"id":"s1","type":"rect","x":1,"y":2,"width":3,"height":4}}', 'zoe');
    insert into chat (roomid, message, userid) values (7, '{"shape":{"id":"s2","type":"circle","centerX":50,"centerY":50,"radius":10}}', 'bob'); delete from chat where roomid = 7 and message like '%"id":"s1"%'`);
  return { links, sha256 };
}

/** What is asked of the database as it is: requests, questions in SQL, joins. */
async function questions({ links, sha256 }) {
  const asked = [];
  const http = async (asking) => asked.push({ request: asking, answer: await send(asking) });
  const rooms = { design: { as: "ann" }, branch: { as: "bob" }, rules: {}, loose: {}, plans: { link: links.plans }, ledger: {}, old: {}, 7: {} };
  for (const [room, who] of Object.entries(rooms)) {
    const { seq, min_since } = await must(request("GET", `/api/rooms/${room}`, who));
    for (const path of ["", "/shapes", "/history?limit=1000", "/shapes/a/blame", `/diff?from=${min_since}&to=${seq}`]) await http(request("GET", `/api/rooms/${room}${path}`, who));
    for (let point = Math.max(min_since - 1, 0); point <= seq; point += 1) await http(request("GET", `/api/rooms/${room}/at/${point}`, who));
    for (const since of [min_since, Math.floor((min_since + seq) / 2), seq]) {
      const line = await socket("phone", who.as);
      const epoch = (await must(request("GET", `/api/rooms/${room}`, who))).epoch;
      const join = { type: "join", room, since, epoch, ...(who.link ? { link: who.link } : {}) };
      const joined = await line.say(join, ["joined", "error"]);
      line.close();
      const { client, key } = devices.phone;
      asked.push({ join, hello: { type: "hello", protocol: 1, client, key, ...(who.as ? { token: people[who.as].token } : {}) }, answer: joined });
    }
    for (const question of [`select seq, fault from pgcanvas.verify('${room}')`, `select seq, hash from pgcanvas.chain_head('${room}')`,
      `select seq, op, shape_id, author, client, op_id, at from pgcanvas.change_log where room = '${room}' order by seq, ordinal`]) {
      asked.push({ sql: question, answer: JSON.parse(sql(`select coalesce(jsonb_agg(to_jsonb(q)), '[]') from (${question}) as q`)) });
    }
  }
  for (const who of [{}, { as: "ann" }, { as: "bob" }, { as: "cara" }, { link: links.viewer }, { link: links.editor }, { link: links.gone }, { as: "cara", link: links.editor }]) {
    for (const path of ["/api/rooms", "/api/me", "/api/rooms/design", "/api/rooms/design/members"]) await http(request("GET", path, who));
    await http(request("POST", "/api/rooms/design/ops", who, { client: "nobody" }));
  }
  await http(request("GET", "/api/rooms/design/links", { as: "ann" }));
  await http(request("GET", `/api/files/${sha256}`));
  for (const asking of posted) await http(asking);
  const strange = request("POST", "/api/rooms/rules/ops", { as: "ann" }, { client: devices.ann.client, op_id: 900, ops: [box("z", 0, 0)] });
  await http({ ...strange, headers: { ...strange.headers, "x-pgcanvas-key": "another-key-than-that-of-the-device" } });
  for (const question of ["select id, roomid, message, userid from public.chat order by id", "select room, shapes, batches, authors from pgcanvas.room_activity order by room"]) {
    asked.push({ sql: question, answer: JSON.parse(sql(`select coalesce(jsonb_agg(to_jsonb(q)), '[]') from (${question}) as q`)) });
  }
  return asked;
}

/** What happens next: old work is undone and done again, versions go on, chains and policies hold. */
async function afterwards({ links }) {
  const then = [];
  const http = async (asking) => then.push({ request: asking, answer: await send(asking) });
  const next = (room, device, verb, body, who = {}) => http(request("POST", `/api/rooms/${room}/${verb}`, { as: device === "guest" ? undefined : device, device, ...who }, { client: devices[device].client, op_id: (devices[device].op_id += 1), ...body }));
  await next("design", "ann", "redo", {});
  await next("design", "guest", "redo", {}, { link: links.editor });
  for (let n = 0; n < 6; n += 1) await next("design", "ann", "undo", {});
  for (let n = 0; n < 4; n += 1) await next("design", "bob", "undo", {});
  await next("design", "bob", "redo", {});
  await next("design", "ann", "undo", { from: 3, to: 9 });
  await next("design", "ann", "ops", { ops: [{ op: "patch", id: "a", set: { x: 77 } }, { op: "append", id: "stroke", points: [[99, 99, 1]] }, box("g2", 1, 1), box("new", 2, 2)] });
  await next("rules", "ann", "ops", { ops: [{ op: "patch", id: "a", set: { x: 9 }, base: 1 }] });
  await next("rules", "ann", "ops", { ops: [{ op: "patch", id: "a", set: { x: 9 }, base: 2 }] });
  await next("loose", "ann", "redo", {});
  await next("loose", "bob", "ops", { ops: [box("c", 0, 0)], seen: 1 });
  await next("ledger", "ann", "ops", { ops: [{ op: "delete", id: "a" }] });
  await next("ledger", "ann", "undo", {});
  await next("old", "ann", "undo", {});
  await http(request("POST", "/api/rooms/old/restore", {}, { seq: 8 }));
  await http(request("POST", "/api/signin", {}, { login: "bob", password: "wrong horse bob" }));
  await http(request("DELETE", "/api/rooms/design/members/cara", { as: "cara" }));
  for (const [room, who] of [["design", { as: "ann" }], ["rules", {}], ["loose", {}], ["ledger", {}], ["old", {}]]) {
    for (const path of ["/shapes", "/history?limit=1000"]) await http(request("GET", `/api/rooms/${room}${path}`, who));
    const question = `select seq, fault from pgcanvas.verify('${room}')`;
    then.push({ sql: question, answer: JSON.parse(sql(`select coalesce(jsonb_agg(to_jsonb(q)), '[]') from (${question}) as q`)) });
  }
  return then;
}

try {
  const made = await history();
  const dump = execFileSync("pg_dump", [...connection, "--no-owner", "--inserts", "--rows-per-insert=50", "pgcanvas"], { maxBuffer: 1 << 26, encoding: "utf8" });
  // psql's own commands are no SQL.
  const text = dump.split("\n").filter((line) => !/^\\(un)?restrict /.test(line)).join("\n");
  writeFileSync(join(target, "dump.sql.gz"), execFileSync("gzip", ["-9n"], { input: text, maxBuffer: 1 << 26 }));
  const asked = await questions(made);
  const then = await afterwards(made);
  const lines = (list) => list.map((one) => `  ${JSON.stringify(one)}`).join(",\n");
  writeFileSync(join(target, "answers.json"), `{"asked": [\n${lines(asked)}\n],\n"then": [\n${lines(then)}\n]}\n`);
} finally {
  const ended = new Promise((resolve) => node.once("exit", resolve));
  node.kill("SIGTERM");
  await ended;
  rmSync(folder, { recursive: true, force: true });
}
