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
   * Otherwise the provider opens one with these options when it is mounted, and closes it when it is unmounted. Later
   * changes of the options are not looked at: give the provider another `key` to connect anew.
   */
  readonly options?: ConnectOptions | undefined;
  /** Called with the connection that the provider has opened, for `follow`. What it returns is called at the end. */
  readonly onConnect?: ((live: Live) => (() => void) | undefined) | undefined;
  readonly children?: ReactNode;
}

/** Makes a connection known to the hooks below it. */
export function UnstaleProvider({ live, options, onConnect, children }: UnstaleProviderProps): ReactElement {
  const [store] = useState(() => new LiveStore());
  const first = useRef({ options, onConnect });
  useEffect(() => {
    const { options, onConnect } = first.current;
    return live === undefined ? store.own(connect(options ?? {}), onConnect) : store.attach(live);
  }, [store, live]);
  return createElement(Store.Provider, { value: store }, children);
}

function useStore(): LiveStore {
  const store = useContext(Store);
  if (store === undefined) throw new Error('There is no <UnstaleProvider> above this component.');
  return store;
}

/** The state of the connection, the last change, and the connection itself. */
export function useUnstale(): Snapshot {
  const { subscribe, snapshot } = useStore();
  return useSyncExternalStore(subscribe, snapshot, () => initial);
}

/** The connection alone: a component that only listens is not rendered at each change. */
function useLive(): Live | undefined {
  const { subscribe, snapshot } = useStore();
  return useSyncExternalStore(
    subscribe,
    () => snapshot().live,
    () => initial.live,
  );
}

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
  const newest = useRef(listener);
  useEffect(() => {
    newest.current = listener;
  });
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
  }, [live, match]);
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
