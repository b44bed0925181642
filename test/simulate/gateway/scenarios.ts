import type { Scenario } from './scenario.ts';
import type { Place } from './stage.ts';

const three = { nodes: 3, cluster: true } as const;
const delete1 = { method: 'DELETE', path: '/items/1' };
const patch1 = (change: object) => ({ method: 'PATCH', path: '/items/1', body: change });
const rename1 = { method: 'PUT', path: '/items/1', body: { step: 2, name: 'b' } };

/**
 * At first item 1 is in step 2, item 2 in step 3, item 3 in step 1; step 1 is in trip 2, step 2 in trip 1, step 3 in
 * trip 2.
 */
export const scenarios: readonly Scenario[] = [
  ...(['onlyIfChanged', 'when'] as const).map(
    (condition): Scenario => ({
      name: `a write that changes nothing, while another is applied and not answered (${condition})`,
      // The second write does not wait for ever for the first.
      features: { ...three, condition, slowApi: true },
      play: (play) => {
        play.read(0, 2, '/steps/2');
        play.read(0, 1, '/steps/2');
        play.write(20, 0, rename1, { afterMs: 2_600 });
        play.write(40, 1, rename1);
        play.readOften(2_300, 2_640, 2, '/steps/2');
      },
    }),
  ),
  {
    name: 'a write that changes nothing, after one whose node has died',
    features: { ...three, condition: 'onlyIfChanged' },
    play: (play) => {
      play.read(0, 2, '/steps/2');
      play.write(20, 0, rename1, { afterMs: 110 });
      play.kill(35, 0);
      play.write(40, 1, rename1);
      play.readOften(45, 300, 2, '/steps/2');
    },
  },
  {
    name: 'a write that brings back what was before, after another has changed it',
    features: { condition: 'onlyIfChanged' },
    play: (play) => {
      play.write(0, 0, { method: 'PUT', path: '/items/1', body: { step: 3, name: 'a' } }, { beforeMs: 30 });
      play.write(1, 0, { method: 'PUT', path: '/items/1', body: { step: 2, name: 'a' } }, { beforeMs: 60 });
      play.read(45, 0, '/steps/3');
      play.readOften(75, 95, 0, '/steps/3');
    },
  },
  {
    name: 'a refusal because of a write that is not recorded',
    features: {},
    play: (play) => {
      play.read(0, 0, '/items/1');
      play.read(0, 0, '/steps/2');
      play.write(20, 0, delete1, { afterMs: 110 });
      play.write(40, 0, delete1);
      play.readOften(45, 130, 0, '/items/1');
      play.readOften(45, 130, 0, '/steps/2');
    },
  },
  {
    name: 'a refusal by a precondition, because of a write that is not recorded',
    features: { etags: true },
    play: (play) => {
      play.read(0, 0, '/items/1');
      play.write(20, 0, { ...rename1, ifMatch: '"i1.0"' }, { afterMs: 110 });
      play.write(40, 0, { ...rename1, ifMatch: '"i1.0"' });
      play.readOften(45, 130, 0, '/items/1');
    },
  },
  ...([1, 2] as const).map(
    (nodes): Scenario => ({
      name: `two that are refused at once, and could each tell of the other (${nodes === 1 ? 'one node' : 'two'})`,
      features: { nodes, cluster: nodes > 1 },
      play: (play) => {
        play.write(0, 0, delete1);
        play.write(100, 0, delete1, { afterMs: 40 });
        play.write(102, nodes - 1, delete1, { afterMs: 40 });
      },
    }),
  ),
  {
    name: 'a refusal because of a write whose node has died',
    features: three,
    play: (play) => {
      play.read(0, 2, '/items/1');
      play.write(20, 0, delete1, { afterMs: 110 });
      play.kill(35, 0);
      play.write(40, 1, delete1);
      play.readOften(45, 300, 2, '/items/1');
    },
  },
  {
    name: 'a batch that names its items by tag, during a write to one of them',
    features: { batch: 'tag' },
    play: (play) => {
      play.write(0, 0, patch1({ step: 3 }), { beforeMs: 80 });
      play.write(10, 0, { method: 'PATCH', path: '/items', body: [{ id: 1, step: 1 }] });
      play.read(40, 0, '/steps/1');
      play.readOften(80, 100, 0, '/steps/1');
    },
  },
  {
    name: 'a write whose rule names what shows an item by tag alone, while one that has moved it is not answered',
    features: { renames: true },
    play: (play) => {
      play.read(0, 0, '/steps/3');
      play.write(20, 0, patch1({ step: 3 }), { afterMs: 110 });
      play.write(40, 0, { method: 'PATCH', path: '/items/1/name', body: { name: 'b' } });
      play.readOften(45, 130, 0, '/steps/3');
    },
  },
  ...([0, 1] as const).map(
    (other): Scenario => ({
      name: `an answer to an append is lost, while a write that has moved the item is not answered (node ${other})`,
      features: { ...three, renames: true },
      play: (play) => {
        play.read(400, 0, '/steps/3');
        play.write(420, other, patch1({ step: 3 }), { afterMs: 200 });
        play.loseAppended(450, 0);
        play.write(460, 0, { method: 'PATCH', path: '/items/1/name', body: { name: 'b' } });
        play.readOften(465, 615, 0, '/steps/3');
      },
    }),
  ),
  {
    name: 'a command to where the representation is not, recorded after a write to where it is',
    features: { commands: true },
    play: (play) => {
      play.write(0, 0, { method: 'PUT', path: '/commands/move/1', body: { step: 3 } }, { beforeMs: 80 });
      play.write(10, 0, patch1({ step: 1 }));
      play.read(40, 0, '/steps/1');
      play.readOften(80, 100, 0, '/steps/1');
    },
  },
  {
    name: 'a command to where the representation is not, answered before a write to where it is',
    features: { commands: true },
    play: (play) => {
      play.write(0, 0, { method: 'PUT', path: '/commands/move/1', body: { step: 3 } }, { beforeMs: 40 });
      play.write(10, 0, patch1({ step: 1 }), { afterMs: 120 });
      play.read(25, 0, '/steps/1');
      play.readOften(40, 130, 0, '/steps/1');
    },
  },
  {
    name: 'a refusal of a command to where the representation is not, of which no rule reads what was before',
    features: { commands: true, parents: 'pattern' },
    play: (play) => {
      play.read(0, 0, '/items');
      play.write(20, 0, delete1, { afterMs: 110 });
      play.write(40, 0, { method: 'PUT', path: '/commands/move/1', body: { step: 3 } });
      play.readOften(45, 130, 0, '/items');
    },
  },
  {
    name: 'what was before, read from an API that lags, inside the quarantine of another write',
    features: { lagMs: 100 },
    play: (play) => {
      play.write(0, 0, patch1({ step: 3 }));
      play.write(80, 0, patch1({ step: 1 }));
      play.readOften(150, 190, 0, '/steps/3');
      play.readOften(1_000, 1_010, 0, '/steps/3');
    },
  },
  {
    name: 'what a lookup finds, read from an API that lags, inside the quarantine of another write',
    features: { lagMs: 100, trips: 'lookup' },
    play: (play) => {
      play.write(0, 0, { method: 'PATCH', path: '/steps/1', body: { trip: 1 } });
      play.write(80, 0, { method: 'DELETE', path: '/items/3' });
      play.readOften(165, 185, 0, '/trips/1');
      play.readOften(1_000, 1_010, 0, '/trips/1');
    },
  },
  {
    name: 'what was before, as the anonymous see it',
    features: { hidesStep: true },
    play: (play) => {
      play.read(0, 0, '/items/1');
      play.read(0, 0, '/steps/2');
      play.write(20, 0, { ...patch1({ step: 3 }), user: 'u1' });
      play.readOften(30, 40, 0, '/steps/2');
    },
  },
  {
    name: 'an indeterminate write, sent again and refused, during a fill from before',
    features: {},
    play: (play) => {
      play.read(0, 0, '/items/1');
      play.write(20, 0, delete1, { beforeMs: 210 });
      play.at(175, () => play.reads.set('/items/1', { bodyMs: 100 }));
      play.read(180, 0, '/items/1');
      play.write(235, 0, delete1);
      play.readOften(240, 280, 0, '/items/1');
    },
  },
  {
    name: 'a node that joins between a record and its commit',
    features: three,
    play: (play) => {
      const { stage } = play;
      play.kill(-200, 2);
      play.read(280, 1, '/items/1');
      play.at(300, () => {
        const { bus } = stage.places[1] as Place;
        if (bus !== undefined) bus.cutUntil = stage.world.now + 1_000;
      });
      play.write(301, 0, rename1);
      play.at(325, () => void stage.start(2));
      play.at(370, () => void stage.open({ path: '/items/1', at: 2, from: 1 }));
    },
  },
  {
    name: 'a node that joins a new epoch, while another serves what it held in the one before',
    features: three,
    play: (play) => {
      const { stage } = play;
      play.read(0, 1, '/items/1');
      play.at(5, () => void stage.open({ path: '/items/1', at: 2, from: 1 }));
      play.at(95, () => {
        const { bus } = stage.places[1] as Place;
        if (bus !== undefined) bus.cutUntil = stage.world.now + 400;
      });
      play.write(15, 0, { method: 'PATCH', path: '/items', body: [{ id: 1, step: 1 }] });
      // With the record, which node 1 has not applied.
      play.at(115, () => stage.server.loseAll());
    },
  },
  {
    name: 'a write that names by its tag what another changes by its path',
    features: { renames: true, commands: true },
    play: (play) => {
      play.read(0, 0, '/steps/3');
      play.write(20, 0, { method: 'PUT', path: '/commands/move/1', body: { step: 3 } }, { afterMs: 120 });
      play.write(40, 0, { method: 'PATCH', path: '/items/1/name', body: { name: 'a' } });
      play.readOften(45, 130, 0, '/steps/3');
    },
  },
  {
    name: 'a refusal behind the barrier of an epoch that has just begun',
    features: three,
    play: (play) => {
      play.read(0, 2, '/items/1');
      play.write(20, 1, delete1, { afterMs: 140 });
      play.at(30, () => {
        const { server, places, world } = play.stage;
        for (const { bus } of places.slice(1)) if (bus !== undefined) bus.cutUntil = world.now + 120;
        server.loseAll();
      });
      for (let ms = 40; ms < 100; ms += 10) play.write(ms, 0, delete1);
      play.readOften(45, 300, 2, '/items/1');
    },
  },
  {
    name: 'an event before its effect, with a conflicting write',
    features: {},
    play: (play) => {
      play.at(30, () => void play.stage.open({ path: '/steps/3' }));
      play.write(10, 0, delete1, { beforeMs: 50 });
      play.write(25, 0, patch1({ step: 3 }), { afterMs: 120 });
      play.readOften(40, 60, 0, '/steps/3');
    },
  },
  {
    name: 'a write that has changed nothing, and whose record cannot be appended',
    features: { ...three, condition: 'onlyIfChanged' },
    play: (play) => {
      play.write(0, 0, { method: 'PUT', path: '/items/1', body: { step: 2, name: 'a' } }, { afterMs: 30 });
      play.at(20, () => {
        play.stage.server.up = false;
      });
      play.at(1_500, () => {
        play.stage.server.up = true;
      });
    },
  },
];
