import { StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { type ConnectOptions, connect } from 'unstale/client';
import { UnstaleIndicator, UnstaleProvider, useUnstale, useUnstaleEvent } from 'unstale/react';

/*
 * What the tests of unstale/react look at. `?own` has the page, and not the provider, open the connection. `?gone`
 * resumes after an event of a log that is gone. With `?auth`, `?scope`, `?match` and so on, that option is made of the
 * page's state.
 */

declare global {
  interface Window {
    happened: string[];
    /** How often a component was rendered that only listens. */
    renderings: number;
  }
}
window.happened = [];
window.renderings = 0;

const isOwn = location.search.includes('own');

function optionsFor(name: string): ConnectOptions {
  const made: Readonly<Record<string, ConnectOptions>> = {
    '?gone': { lastEventId: 'gone-7' },
    '?auth': { auth: () => void window.happened.push(`${name} is asked`) },
    '?scope': { scope: name },
    '?url': { url: `/_unstale/events?match=/${name}` },
    '?shared': { shared: name === 'first' },
    '?match': { match: ['/steps/7', `/${name}`] },
    '?tags': { match: ['/steps/7'], tags: [name] },
    '?clientId': { clientId: name },
  };
  return made[location.search] ?? {};
}
const live = isOwn ? connect() : undefined;
live?.on('state', ({ state }) => window.happened.push(`connection ${state}`));

function Watching({ name }: { readonly name: string }) {
  const { state, lastChange } = useUnstale();
  // A new function at each rendering: the newest one is called, once for each event.
  useUnstaleEvent('/steps/:id', (event, { id }) => {
    window.happened.push(event.cause === undefined ? `${name} resync` : `${name} ${event.cause.method} ${id}`);
  });
  useUnstaleEvent('event:step.changed', ({ type }) => window.happened.push(`by type: ${type}`));
  return (
    <p id="hook">
      {state} {lastChange?.event.paths.join(' ')}
    </p>
  );
}

function Listening() {
  window.renderings += 1;
  useUnstaleEvent('event:*', () => {});
  return null;
}

function Page() {
  const [isShown, setShown] = useState(true);
  const [name, setName] = useState('first');
  const connected = (): (() => void) => {
    window.happened.push(name === 'first' ? 'connected' : `connected as ${name}`);
    return () => window.happened.push('ended');
  };
  return (
    <>
      <button type="button" onClick={() => setShown(!isShown)}>
        Toggle
      </button>
      <button type="button" onClick={() => setName('second')}>
        Other listener
      </button>
      {isShown && (
        <UnstaleProvider live={live} options={optionsFor(name)} onConnect={connected}>
          <UnstaleIndicator labels={{ retrying: 'Wird verbunden' }} />
          <Watching name={name} />
          <Listening />
        </UnstaleProvider>
      )}
    </>
  );
}

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <Page />
  </StrictMode>,
);
