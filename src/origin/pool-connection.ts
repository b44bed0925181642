import type { Socket } from 'node:net';
import { type buildConnector, Client, type Dispatcher } from 'undici';
import { deferWriteErrors } from './deferred-write-errors.ts';
import { isProtocolFault } from './failure.ts';

/** The state of one pool connection that undici does not report to its handlers. */
export class Connection {
  readonly #connector: buildConnector.connector;
  readonly #servername: string | undefined;
  readonly #open: Set<Socket>;
  #socket: Socket | undefined;
  #requests = 0;

  /** @param open the open sockets of the whole pool; this connection adds its own */
  constructor(connector: buildConnector.connector, servername: string | undefined, open: Set<Socket>) {
    this.#connector = connector;
    this.#servername = servername;
    this.#open = open;
  }

  readonly connect: buildConnector.connector = (options, callback) => {
    // undici takes the TLS server name, against which it checks the certificate, from the request's `Host`. The client
    // wrote that field, so the origin's own name is used instead.
    const target = { ...options, servername: this.#servername ?? '' };
    this.#connector(target, (...[error, socket]) => {
      if (error !== null) {
        callback(error, null);
        return;
      }
      this.#socket = socket;
      this.#requests = 0;
      this.#open.add(socket);
      socket.on('close', () => this.#open.delete(socket));
      deferWriteErrors(socket);
      callback(null, socket);
    });
  };

  /** Counts a request that is about to be written. Returns whether the connection has carried one before. */
  begin(): boolean {
    this.#requests += 1;
    return this.#requests > 1;
  }

  /** Whether the socket has failed. The end of the answer then does not prove that it is complete. */
  get broken(): boolean {
    return this.#socket !== undefined && this.#socket.errored !== null;
  }

  /**
   * Whether bytes followed that answer no request: the last answer may be longer than it declares. Not detected if the
   * origin closes the connection, since undici then stops reading at the end of the answer.
   */
  get misread(): boolean {
    return this.#socket?.errored != null && isProtocolFault(this.#socket.errored);
  }
}

/** A request that is told its connection. */
export interface AssignedOptions extends Dispatcher.DispatchOptions {
  readonly servername: string;
  readonly assign: (connection: Connection) => void;
}

/** One connection of an undici pool. Tells each request which connection it was assigned. */
export class AssigningClient extends Client {
  readonly #connection: Connection;

  constructor(url: URL, options: Client.Options, connection: Connection) {
    super(url, { ...options, connect: connection.connect });
    this.#connection = connection;
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    (options as AssignedOptions).assign(this.#connection);
    return super.dispatch(options, handler);
  }
}
