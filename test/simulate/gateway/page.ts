import { unrestricted } from '../../../src/events/rights.ts';
import type { Sink } from '../../../src/events/sink.ts';
import type { Subscriber } from '../../../src/events/subscription.ts';
import type { View } from './api.ts';
import type { Clients } from './client.ts';
import type { GatewayNode } from './node.ts';
import { keyOf } from './oracle.ts';

interface Frame {
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

/** What every page was told, in the order of its node. */
export class Announcements {
  /** The data of each event, by its id: the same on all nodes. */
  readonly #byId = new Map<string, string>();
  count = 0;

  heard(page: string, frame: Frame, last: string | undefined, violated: (what: string) => void): void {
    this.count += 1;
    const known = this.#byId.get(frame.id);
    if (known !== undefined && known !== frame.data) violated(`${page} heard another event as ${frame.id}`);
    this.#byId.set(frame.id, frame.data);
    const [before, now] = [placeOf(last), placeOf(frame.id)];
    if (before?.epoch !== now?.epoch || before === undefined || now === undefined) return;
    if (now.place <= before.place) violated(`${page} heard ${frame.id} after ${last}`);
  }
}

/** `epoch-seq.n`: further events of one record have an n. */
function placeOf(id: string | undefined): { epoch: string; place: number } | undefined {
  const [, epoch, seq, n] = /^(.*)-(\d+)(?:\.(\d+))?$/.exec(id ?? '') ?? [];
  return epoch === undefined ? undefined : { epoch, place: Number(seq) * 1e6 + Number(n ?? 0) };
}

export interface PageParts {
  readonly name: string;
  readonly clients: Clients;
  readonly announcements: Announcements;
  readonly view: View;
  /** Everything, or what concerns the view alone. */
  readonly narrow: boolean;
  /** It listens from where its first answer says that it is current. */
  readonly fetchesFirst: boolean;
  /** A node that is up, at random. */
  node(): GatewayNode;
  /** The nodes that it listens to and fetches from, if given. */
  readonly at?: (() => GatewayNode) | undefined;
  readonly from?: (() => GatewayNode) | undefined;
}

/**
 * Somebody who shows one view, and fetches it again, from any node, when an event says so. It must end up with what is
 * there: no event was lost. And what an event makes it fetch is not older than the event.
 */
export class Page {
  shown: string | undefined;
  readonly #parts: PageParts;
  #lastId: string | undefined;
  /** The id of the last event, to be compared with the next one. */
  #lastEvent: string | undefined;
  #node: GatewayNode | undefined;
  #subscriber: Subscriber | undefined;
  #connection = 0;
  #fetching = false;
  #again = false;

  constructor(parts: PageParts) {
    this.#parts = parts;
    if (parts.fetchesFirst) this.#fetchFirst();
    else this.connect();
  }

  get view(): View {
    return this.#parts.view;
  }

  /** Its node has died: it resumes at another. */
  died(node: GatewayNode): void {
    if (node !== this.#node) return;
    const { world } = this.#parts.clients;
    this.#connection += 1;
    this.#node = undefined;
    world.after(world.chance.between(1, 60), () => this.connect());
  }

  connect(): void {
    const { clients, view, name } = this.#parts;
    const { world } = clients;
    const node = (this.#parts.at ?? this.#parts.node)();
    this.#node = node;
    this.#connection += 1;
    const connection = this.#connection;
    let arrives = world.now;
    // In order, as a connection has it.
    const write = (bytes: Buffer): boolean => {
      arrives = Math.max(arrives + 1e-3, world.now + world.chance.between(0.1, 2));
      world.after(arrives - world.now, () => connection === this.#connection && this.#received(bytes.toString()));
      return true;
    };
    const nothing = (): void => {};
    const sink: Sink = {
      writableLength: 0,
      write,
      once: nothing,
      cork: nothing,
      uncork: nothing,
      end: nothing,
    };
    const filter = this.#parts.narrow
      ? { match: [view.path.split('?')[0] as string], tags: ['item:*', 'step:*'] }
      : { match: [], tags: [] };
    world.after(world.chance.between(0.1, 2), () => {
      if (!node.process.alive) return this.died(node);
      node.process.run(() => {
        if (connection !== this.#connection) return;
        this.#subscriber = node.hub.subscribe({ filter, rights: unrestricted, lastEventId: this.#lastId }, sink);
        world.tell(
          name,
          `shows ${keyOf(view)}, listens at ${node.process.name}${this.#lastId === undefined ? '' : ' again'}`,
        );
      });
    });
  }

  close(): void {
    this.#connection += 1;
    this.#subscriber?.unsubscribe();
  }

  #received(text: string): void {
    const { clients, announcements, name } = this.#parts;
    for (const block of text.split('\n\n')) {
      const lines = new Map(
        block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      );
      const [id, event, data] = [lines.get('id'), lines.get('event'), lines.get('data') ?? ''];
      // The stream is open: what is fetched from now on is followed up.
      if (id !== undefined && event === undefined && this.shown === undefined) this.#fetch();
      if (id !== undefined) this.#lastId = id;
      if (id === undefined || event === undefined) continue;
      if (event !== 'resync') {
        announcements.heard(name, { id, event, data }, this.#lastEvent, (what) => clients.oracle.violated(what));
        this.#heard(data);
      }
      this.#lastEvent = id;
      // The epoch of a gateway that is alone is not the seed's.
      clients.world.tell(name, `hears ${event} #${id.replace(/^.*-/, '')}`);
      this.#fetch();
    }
  }

  /** Only what has taken effect is announced. */
  #heard(data: string): void {
    const { clients, name } = this.#parts;
    const write = Number((JSON.parse(data) as { payload?: { write?: string } }).payload?.write ?? 0);
    clients.announced(write, name);
  }

  #fetchFirst(): void {
    const { clients, view } = this.#parts;
    const { world } = clients;
    clients.read((this.#parts.from ?? this.#parts.node)(), view, (content, cursor) => {
      // Without a cursor, it is fetched again once the stream is open.
      if (content !== undefined && cursor !== undefined) {
        this.shown = content;
        this.#lastId = cursor;
      }
      world.after(world.chance.between(1, 120), () => this.connect());
    });
  }

  #fetch(): void {
    if (this.#fetching) {
      this.#again = true;
      return;
    }
    this.#fetching = true;
    this.#again = false;
    const { clients, view } = this.#parts;
    clients.read((this.#parts.from ?? this.#parts.node)(), view, (content) => {
      this.#fetching = false;
      if (content !== undefined) this.shown = content;
      if (this.#again) this.#fetch();
      // What failed is asked for again, as people do.
      else if (content === undefined) clients.world.after(20, () => this.#fetch());
    });
  }
}
