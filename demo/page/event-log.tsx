import { useCallback, useLayoutEffect, useRef, useState } from 'react';
import { useUnstaleEvent } from 'unstale/react';
import { now, sentAt } from './stopwatch.ts';

interface Entry {
  readonly id: string;
  readonly type: string;
  readonly paths: readonly string[];
  readonly cause: string;
  /** When the write was sent, if one of these windows did. */
  readonly sentAt: number | undefined;
  readonly receivedAt: number;
  /** Whether it names the step that is shown. */
  readonly isShown: boolean;
  /** When what it changed was on the screen. */
  readonly shownAt: number | undefined;
}

const KEPT = 12;

interface Props {
  /** Of the step that is shown. */
  readonly path: string;
  /** Of that step: it grows with each change. */
  readonly version: number | undefined;
}

/**
 * How long the entry of an event that names the shown step waits for the step, in milliseconds. The page is then
 * painted once for both: where many windows share a few cores, each painting delays the change in another.
 */
const PATIENCE_MS = 400;

/** The events of this connection, the newest first. */
function useEventLog({ path, version }: Props): readonly Entry[] {
  const [entries, setEntries] = useState<readonly Entry[]>([]);
  const waiting = useRef<Entry[]>([]);
  const show = useCallback((shownAt: number | undefined): void => {
    const added = waiting.current.splice(0);
    // It has been shown with its step.
    if (added.length === 0 && shownAt === undefined) return;
    setEntries((earlier) =>
      [...added.reverse(), ...earlier]
        .slice(0, KEPT)
        .map((each) => (each.isShown && each.shownAt === undefined ? { ...each, shownAt } : each)),
    );
  }, []);
  useUnstaleEvent('event:*', (event) => {
    // A resync says nothing of what has changed.
    if (event.cause === undefined) return;
    const { id, type, paths, cause } = event;
    const [receivedAt, isShown] = [now(), paths.some((each) => each === path || each.includes('*'))];
    waiting.current.push({
      id,
      type,
      paths,
      cause: `${cause.method} ${cause.path}`,
      sentAt: sentAt(event),
      receivedAt,
      isShown,
      shownAt: undefined,
    });
    if (isShown) setTimeout(show, PATIENCE_MS);
    else show(undefined);
  });
  // The page has been updated. Painting follows with the next frame, and that shows the time as well.
  useLayoutEffect(() => {
    if (version !== undefined) show(now());
  }, [version, show]);
  return entries;
}

const milliseconds = (from: number | undefined, to: number | undefined): string =>
  from === undefined || to === undefined ? '–' : `${Math.round(to - from)} ms`;

/** Its entries are its own: an event renders the log, and the window when the change is there. */
export function EventLog(props: Props) {
  const entries = useEventLog(props);
  return (
    <section aria-labelledby="events" className="events">
      <h2 id="events">Events</h2>
      {entries.length === 0 && <p>None yet.</p>}
      <ol>
        {entries.map(({ id, type, cause, paths, sentAt, receivedAt, shownAt }) => (
          <li key={id}>
            <p>
              <b>{type}</b> <code>{cause}</code>
            </p>
            <dl>
              <div>
                <dt>event</dt>
                <dd>{milliseconds(sentAt, receivedAt)}</dd>
              </div>
              <div>
                <dt>on screen</dt>
                <dd data-field="on-screen">{milliseconds(sentAt, shownAt)}</dd>
              </div>
            </dl>
            <p className="paths">
              <code>{paths.join('  ')}</code>
            </p>
          </li>
        ))}
      </ol>
      <p className="note">
        Times since the PUT was sent. Of these, the API takes 30 to 80 ms for each of three requests: what was there
        before, the PUT, and the step after it.
      </p>
    </section>
  );
}
