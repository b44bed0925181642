import { it } from 'vitest';
import { answering, clientOf, failureOf, get, textOf } from './origin-under-test.ts';
it('x', async () => {
    const origin = await answering((socket, {count, connection, head}) => { console.log(connection, count, JSON.stringify(head));
      if (count===1) { socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'); return; }
      void origin.close();
      socket.destroy();
    });
    const client = clientOf(origin.url, { connections: 1 });
    await textOf((await client.fetch(get())).body);
    const f = await failureOf(client.fetch(get()));
    console.log(f, f.cause, origin.accepted);
});
