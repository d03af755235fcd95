// Where batches are posted (CL).
import { expect, test } from "vitest";
import { opsUrl } from "../src/drain.js";

// HT11: a node refuses parameters that a request does not know.
test("a batch is posted beside the socket, and the parameters of the socket's address stay away", () => {
  for (const address of ["wss://board.example/ws?token=abc", "wss://board.example/?token=abc", "wss://board.example/ws"]) {
    expect(opsUrl(address, "team 1")).toBe("https://board.example/api/rooms/team%201/ops");
  }
});
