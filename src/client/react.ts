import {
  type CSSProperties,
  createContext,
  createElement,
  type ReactElement,
  type ReactNode,
  useContext,
  useEffect,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react';
import { connect } from './connect.ts';
import { matcherOf } from './map-matcher.ts';
import type { ParamsOf } from './query-map.ts';
import { initial, LiveStore, type Snapshot } from './react-store.ts';
import type { ConnectOptions, Live, Resync, State, UnstaleEvent } from './types.ts';

export type { Change, Snapshot } from './react-store.ts';

const Store = createContext<LiveStore | undefined>(undefined);

export interface UnstaleProviderProps {
  /** A connection that the caller has opened, and closes. */
  readonly live?: Live | undefined;
  /**
   * Otherwise the provider opens one with these options when it is mounted, and closes it when it is unmounted. When
   * they change, it opens another. The newest `auth` is asked, and changes of `lastEventId` are not looked at.
   */
  readonly options?: ConnectOptions | undefined;
  /**
   * Called with each connection that the provider has opened, for `follow`, as the newest properties have it then. What
   * it returns is called at the end of that connection.
   */
  readonly onConnect?: ((live: Live) => (() => void) | undefined) | undefined;
  readonly children?: ReactNode;
}

/** The value of the newest rendering that took effect. */
function useNewest<Value>(value: Value): { readonly current: Value } {
  const newest = useRef(value);
  useEffect(() => {
    newest.current = value;
  });
  return newest;
}

/** Makes a connection known to the hooks below it. */
export function UnstaleProvider(props: UnstaleProviderProps): ReactElement {
  const { live, options } = props;
  const [store] = useState(() => new LiveStore());
  const newest = useNewest(props);
  // JSON leaves out functions: another `auth` opens no connection, but one in place of none does.
  const opened = JSON.stringify({ ...options, lastEventId: 0, auth: !options?.auth });
  // biome-ignore lint/correctness/useExhaustiveDependencies: `opened` stands for the options
  useEffect(() => {
    const { options, onConnect } = newest.current;
    if (live !== undefined) return store.attach(live);
    const auth: ConnectOptions['auth'] = (why) => newest.current.options?.auth?.(why);
    return store.own(connect({ ...options, ...(options?.auth && { auth }) }), onConnect);
  }, [store, live, opened]);
  return createElement(Store.Provider, { value: store }, props.children);
}

function useSnapshot<Part>(read: (snapshot: Snapshot) => Part): Part {
  const store = useContext(Store);
  if (store === undefined) throw new Error('There is no <UnstaleProvider> above this component.');
  return useSyncExternalStore(
    store.subscribe,
    () => read(store.snapshot()),
    () => read(initial),
  );
}

/** The state of the connection, the last change, and the connection itself. */
export const useUnstale = (): Snapshot => useSnapshot((snapshot) => snapshot);

/** The connection alone: a component that only listens is not rendered at each change. */
const useLive = (): Live | undefined => useSnapshot(({ live }) => live);

/**
 * Calls the listener for each event that `match` selects: `/steps/:id`, `tag:step:{id}` or `event:step.changed`, as in
 * the map of `follow`. Also for each resync, which may stand for any event: it has no `cause`, and the parameters are
 * those of a wildcard. The listener may be another at each rendering.
 */
export function useUnstaleEvent<Match extends string>(
  match: Match,
  listener: (event: UnstaleEvent | Resync, params: ParamsOf<Match>) => void,
): void {
  const live = useLive();
  const newest = useNewest(listener);
  useEffect(() => {
    if (live === undefined) return;
    const matches = matcherOf(match);
    const endings = [
      live.on('event', (event) => {
        for (const params of matches(event)) newest.current(event, params as ParamsOf<Match>);
      }),
      live.on('resync', (resync) => {
        // Its names match whatever is a name. The type of the missed event is not known.
        const [params = {}] = matches(resync);
        newest.current(resync, params as ParamsOf<Match>);
      }),
    ];
    return () => {
      for (const end of endings) end();
    };
  }, [live, match, newest]);
}

export interface UnstaleIndicatorProps {
  /** Texts in place of the English ones. */
  readonly labels?: Partial<Record<State, string>>;
  /** Shown after the state once there was a change. `null` shows nothing. */
  readonly lastChange?: ((at: Date) => string) | null;
  /** Default: `unstale-indicator`. The state is in `data-state`. */
  readonly className?: string;
  readonly style?: CSSProperties;
}

const texts: Readonly<Record<State, string>> = {
  connecting: 'Connecting',
  live: 'Live',
  retrying: 'Reconnecting',
  offline: 'Offline',
  stopped: 'Not following changes',
};

/** Symbols as well as colours: a filled circle, a half one, an empty one, a cross. */
const symbols: Readonly<Record<State, string>> = {
  connecting: '◌',
  live: '●',
  retrying: '◐',
  offline: '○',
  stopped: '✕',
};

/**
 * Says in words whether what is shown follows the server, and when something last changed. Only a new state is
 * announced to screen readers: a change a second would drown everything else.
 */
export function UnstaleIndicator(props: UnstaleIndicatorProps): ReactElement {
  const { labels = {}, lastChange = lastChangeText, className = 'unstale-indicator', style } = props;
  const { state, lastChange: change } = useUnstale();
  return createElement(
    'span',
    { className, style, 'data-state': state },
    createElement('span', { 'aria-hidden': true, className: `${className}-symbol` }, symbols[state]),
    ' ',
    createElement('span', { role: 'status', 'aria-live': 'polite' }, labels[state] ?? texts[state]),
    change === undefined || lastChange === null
      ? null
      : createElement('time', { dateTime: change.at.toISOString() }, ` · ${lastChange(change.at)}`),
  );
}

const lastChangeText = (at: Date): string => `last change ${at.toLocaleTimeString()}`;
