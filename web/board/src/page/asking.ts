import { Refusal } from "./api.js";

/** Between two attempts where no node answers. */
const AGAIN_MS = 2000;

/** Asks until a node answers, takes what it says, and tells what is in the way meanwhile, or that nothing is any more; gives how to stop. */
export function keepAsking<T>(ask: () => Promise<T>, take: (told: T) => void, tell: (trouble: string) => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let [isWanted, hasFailed] = [true, false];
  const answered = (told: T) => {
    if (!isWanted) return;
    if (hasFailed) tell("");
    take(told);
  };
  const failed = (failure: Error) => {
    if (!isWanted) return;
    hasFailed = true;
    tell(failure.message);
    if (isSilence(failure)) timer = setTimeout(attempt, AGAIN_MS);
  };
  const attempt = () => void ask().then(answered, failed);
  attempt();
  return () => {
    isWanted = false;
    clearTimeout(timer);
  };
}

/** Whether nothing was answered, so that nothing is known: another time may tell. */
export function isSilence(failure: unknown): boolean {
  return failure instanceof Refusal && (failure.code === "unavailable" || failure.code === "rate_limited");
}
