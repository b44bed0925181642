import { backoff } from './backoff.ts';
import { VERSION } from './group-state.ts';
import { OPENING_MS } from './link.ts';
import type { Happening } from './platform.ts';
import { resyncOf } from './resync.ts';
import { scopeOf } from './scope-of.ts';
import type { Source } from './source.ts';
import type { StreamOptions } from './stream.ts';
import { Tabs, type TabsOptions } from './tabs.ts';
import type { Token } from './types.ts';

export interface JoinOptions extends Omit<TabsOptions, 'name' | 'stream'> {
  readonly scope: string | undefined;
  /** As of now: it resumes after the last event that was told. */
  readonly stream: () => StreamOptions;
}

type Auth = NonNullable<StreamOptions['auth']>;

/** Before the first wait for a token that was not to be had grows. */
const RETRY_MS = 1_000;

/** A place among the tabs that have the same URL and the same user. Another user's token makes it another place. */
export class Membership implements Source {
  readonly #options: JoinOptions;
  #tabs: Tabs | undefined;
  #isAway = false;
  #isClosed = false;
  /** Ends a wait. */
  #wake = (): void => {};

  constructor(options: JoinOptions) {
    this.#options = options;
  }

  /** @throws whatever keeps this tab from sharing a stream */
  async join(): Promise<void> {
    const { scope, stream } = this.#options;
    const { auth } = stream();
    if (auth === undefined || scope !== undefined) {
      this.#enter(scope, auth);
      return;
    }
    const token = await this.#firstToken(auth);
    const own = await scopeOf(token, this.#options.tabs);
    while (this.#isAway && !this.#isClosed) await this.#pause();
    if (!this.#isClosed) this.#enterAs(own, auth, token);
  }

  happen(happening: Happening): void {
    this.#isAway = happening === 'left' || (this.#isAway && happening !== 'back');
    this.#tabs?.happen(happening);
    if (!this.#isAway) this.#wake();
  }

  close(): void {
    this.#isClosed = true;
    this.#tabs?.close();
    this.#wake();
  }

  #enter(scope: string | undefined, auth: Auth | undefined): Tabs {
    const stream = this.#options.stream();
    const { url, credentials } = stream;
    const name = JSON.stringify(['unstale', VERSION, new URL(url, this.#options.tabs.base), credentials, scope]);
    this.#tabs = new Tabs({ ...this.#options, name, stream: { ...stream, ...(auth && { auth }) } });
    return this.#tabs;
  }

  /** @param first token, for a stream that this tab opens at once; it may be a follower for days */
  #enterAs(scope: string, auth: Auth, first: Token): void {
    const { platform, tabs } = this.#options;
    const freshUntil = platform.now() + OPENING_MS;
    const entered = this.#enter(scope, async (why) => {
      const isFresh = why === 'connect' && platform.now() < freshUntil;
      const token = (isFresh && first) || (await auth(why));
      first = undefined;
      const other = await scopeOf(token, tabs);
      if (other === scope) return token;
      if (this.#tabs === entered && !this.#isAway) this.#move(other, auth, token);
      // The stream that has asked is closed, and does not hear it.
      throw new Error('the token is of another user');
    });
  }

  /** What this tab has been told so far is what another user may see. */
  #move(scope: string, auth: Auth, token: Token): void {
    const { sink, stream } = this.#options;
    this.#tabs?.close();
    sink.warning({ code: 'user', message: 'auth() gave the token of another user: this tab has left the others' });
    sink.resync(resyncOf(stream().lastEventId, 'gap'));
    if (!this.#isClosed) this.#enterAs(scope, auth, token);
  }

  /** Asks until there is one, or until it is closed. */
  async #firstToken(auth: Auth): Promise<Token> {
    const { platform, sink } = this.#options;
    for (let failures = 0; !this.#isClosed; failures++) {
      try {
        return await this.#inTime(auth);
      } catch (error) {
        if (this.#isClosed) break;
        sink.warning({ code: 'auth', message: 'auth() failed', error });
        sink.state('retrying', { code: 'auth', message: String(error) });
        await this.#pause(backoff(RETRY_MS, failures, platform.random()));
      }
    }
    return undefined;
  }

  #inTime(auth: Auth): Promise<Token> {
    return new Promise((resolve, reject) => {
      const cancel = this.#options.platform.after(OPENING_MS, () => reject(new Error('no token came in time')));
      Promise.resolve()
        .then(() => auth('connect'))
        .then(resolve, reject)
        .finally(cancel);
    });
  }

  #pause(ms?: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = ms === undefined ? undefined : this.#options.platform.after(ms, resolve);
      this.#wake = () => {
        cancel?.();
        resolve();
      };
    });
  }
}
