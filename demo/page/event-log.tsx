import { useLayoutEffect, useState } from 'react';
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

/** The events of this connection, the newest first. */
function useEventLog({ path, version }: Props): readonly Entry[] {
  const [entries, setEntries] = useState<readonly Entry[]>([]);
  useUnstaleEvent('event:*', (event) => {
    // A resync says nothing of what has changed.
    if (!('cause' in event)) return;
    const { id, type, paths, cause } = event;
    const [receivedAt, isShown] = [now(), paths.some((each) => each === path || each.includes('*'))];
    const entry = {
      id,
      type,
      paths,
      cause: `${cause.method} ${cause.path}`,
      sentAt: sentAt(event),
      receivedAt,
      isShown,
    };
    setEntries((earlier) => [{ ...entry, shownAt: undefined }, ...earlier].slice(0, KEPT));
  });
  // The page has been updated. Painting follows with the next frame, and that shows the time as well.
  useLayoutEffect(() => {
    const at = now();
    if (version === undefined) return;
    setEntries((earlier) =>
      earlier.map((each) => ({ ...each, shownAt: each.shownAt ?? (each.isShown ? at : undefined) })),
    );
  }, [version]);
  return entries;
}

const milliseconds = (from: number | undefined, to: number | undefined): string =>
  from === undefined || to === undefined ? '–' : `${Math.round(to - from)} ms`;

/** Its entries are its own: an event renders the log, and the window when the change is there. */
export function EventLog(props: Props) {
  const entries = useEventLog(props);
  return (
    <section aria-labelledby="events" className="events">
      <h3 id="events">Events</h3>
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
