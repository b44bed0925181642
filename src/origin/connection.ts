import type { Socket } from 'node:net';
import { type buildConnector, Client, type Dispatcher } from 'undici';
import { deferWriteErrors } from './deferred-write-errors.ts';
import { isProtocolFault } from './failure.ts';

/** What is known of one connection of the pool, besides what undici tells its handlers. */
export class Connection {
  readonly #connector: buildConnector.connector;
  readonly #servername: string | undefined;
  readonly #open: Set<Socket>;
  #socket: Socket | undefined;
  #requests = 0;

  /** `open`: the sockets of the whole pool, which this connection adds its own to. */
  constructor(connector: buildConnector.connector, servername: string | undefined, open: Set<Socket>) {
    this.#connector = connector;
    this.#servername = servername;
    this.#open = open;
  }

  readonly connect: buildConnector.connector = (options, callback) => {
    // undici takes the name that TLS asks for, and checks the certificate against, from the `Host` of the request, which a
    // client has written. It is the origin's own.
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

  /** Counts a request that is about to be written. True when the connection has carried one before. */
  begin(): boolean {
    this.#requests += 1;
    return this.#requests > 1;
  }

  /** The socket has failed: an end of the answer is then no proof that it is complete. */
  get broken(): boolean {
    return this.#socket !== undefined && this.#socket.errored !== null;
  }

  /**
   * Bytes have come that are no answer to anything: what was sent behind the last answer belongs to none, or to that one. Where the
   * origin closes the connection, undici reads no further than to the end of the answer, and nothing is known.
   */
  get misread(): boolean {
    return this.#socket?.errored != null && isProtocolFault(this.#socket.errored);
  }
}

/** A request that wants to know the connection that it is given. */
export interface AssignedOptions extends Dispatcher.DispatchOptions {
  readonly servername: string;
  readonly assign: (connection: Connection) => void;
}

/** One connection of an undici pool, which tells each request of what it is given. */
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
