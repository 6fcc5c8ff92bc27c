import { Fault, FaultPlan, faults } from '../../simulator/faults';
import { seededRandom, shuffled } from '../../simulator/random';
import { TokenBucket } from '../../simulator/token-bucket';

const draw = (plan: FaultPlan, count: number, operation = 'push') => Array.from({ length: count }, () => plan.next(operation)?.answer);

describe('a plan of faults', () => {
  test('scripted faults strike one request each, null lets one pass', () => {
    const plan = new FaultPlan();
    plan.script('push', faults.status(500), null);
    plan.script('push', faults.reset());
    expect(plan.next('multicast')).toBeUndefined();
    expect(draw(plan, 4)).toEqual(['status', undefined, 'reset', undefined]);
  });

  test('a lasting fault stays behind the scripted ones until it is taken away', () => {
    const plan = new FaultPlan();
    plan.always('*', faults.timeout());
    plan.always('push', faults.status(429));
    plan.script('*', faults.html());
    expect(draw(plan, 2)).toEqual(['html', 'status']);
    plan.always('push');
    expect(draw(plan, 1)).toEqual(['timeout']);
    plan.clear();
    expect(draw(plan, 1)).toEqual([undefined]);
  });

  test('random faults are repeatable, keep their share and their operations', () => {
    const sample = (seed: number) => {
      const plan = new FaultPlan();
      plan.randomly({ seed, share: 0.2, faults: [faults.status(500), faults.reset({ accepted: true })], operations: ['push'] });
      return draw(plan, 1000);
    };
    expect(sample(7)).toEqual(sample(7));
    expect(sample(7)).not.toEqual(sample(8));
    const struck = sample(7).filter(answer => answer !== undefined);
    expect(struck.length).toBeGreaterThan(150);
    expect(struck.length).toBeLessThan(250);
    expect(new Set(struck)).toEqual(new Set(['status', 'reset']));
    const plan = new FaultPlan();
    plan.randomly({ seed: 1, share: 1, faults: [faults.reset()], operations: ['push'] });
    expect(plan.next('multicast')).toBeUndefined();
  });

  test.each<[string, () => void, RegExp]>([
    ['an unknown answer', () => new FaultPlan().script('push', { answer: 'explode' } as unknown as Fault), /fault\.answer must be one of .*got "explode"/],
    ['a status fault without status', () => new FaultPlan().always('push', { answer: 'status' }), /fault\.status/],
    ['a share above one', () => new FaultPlan().randomly({ seed: 1, share: 2, faults: [faults.reset()] }), /share must be 0 to 1, got 2/],
    ['no fault to choose from', () => new FaultPlan().randomly({ seed: 1, share: 1, faults: [] }), /at least one/],
  ])('refuses %s', (_name, act, message) => {
    expect(act).toThrow(message);
  });
});

test('a shuffled list has the same entries in a repeatable other order', () => {
  const list = Array.from({ length: 20 }, (_, i) => i);
  const once = shuffled(list, seededRandom(3));
  expect(once).toEqual(shuffled(list, seededRandom(3)));
  expect(once).not.toEqual(list);
  expect([...once].sort((a, b) => a - b)).toEqual(list);
});

test('a bucket gives one period at once and refills evenly', () => {
  const bucket = new TokenBucket({ requests: 2, perMs: 1000 }, 0);
  expect([0, 0, 0, 499, 500, 501, 5000, 5000, 5000].map(at => bucket.take(at)))
    .toEqual([true, true, false, false, true, false, true, true, false]);
});
