import type { Room } from "@pgcanvas/client";
import { Component, type ReactNode } from "react";
import { useStatus } from "./session.js";

interface Given {
  readonly room: Room;
  readonly children: ReactNode;
}

interface State {
  readonly broken?: string;
}

/** Stands round the board, so that what breaks it leaves a page that says so, and not a white one. React asks for a class here. */
export class Guard extends Component<Given, State> {
  override state: State = {};

  static getDerivedStateFromError(error: unknown): State {
    return { broken: error instanceof Error ? error.message : String(error) };
  }

  override render(): ReactNode {
    const { room, children } = this.props;
    const { broken } = this.state;
    return broken === undefined ? children : <Broken room={room} message={broken} />;
  }
}

/** That a board could not be shown, what became of what was drawn, and what can be done about it. */
function Broken({ room, message }: { room: Room; message: string }) {
  const status = useStatus(room);
  return (
    <main className="refused" role="alert">
      <h1>“{room.name}” could not be shown</h1>
      <p className="quiet">Something on this board, or in this page, broke it. What is stored is not touched by that.</p>
      {status && status.unsent > 0 && <p className="quiet">{status.unsent} of your changes were not sent. {kept(status.durable)}</p>}
      <p className="trouble">{message}</p>
      <p className="row">
        <button type="button" onClick={() => location.reload()}>Load it again</button>
        <a className="button" href="/">All rooms</a>
      </p>
    </main>
  );
}

function kept(durable: boolean): string {
  return durable ? "They are kept in this browser." : "Keep this tab open until they are: this browser does not let it keep them.";
}
