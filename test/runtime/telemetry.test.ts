import { Metric } from '../../src/contract/metrics';
import { StdoutTelemetry } from '../../src/runtime/telemetry';

const NOW = Date.UTC(2026, 10, 23, 1, 2, 3);

let lines: string[];
let telemetry: StdoutTelemetry;

beforeEach(() => {
  lines = [];
  telemetry = new StdoutTelemetry('Line', (line) => lines.push(line), () => NOW);
});

describe('metrics', () => {
  test('are one line of Embedded Metric Format', () => {
    // WHEN
    telemetry.count(Metric.EVENTS_RECEIVED, 3);
    telemetry.count(Metric.EVENTS_QUEUED);
    telemetry.count(Metric.EVENTS_QUEUED, 2);
    telemetry.flush();
    // THEN
    expect(lines.map((line) => JSON.parse(line))).toEqual([{
      _aws: {
        Timestamp: NOW,
        CloudWatchMetrics: [{
          Namespace: 'LinePinpoint',
          Dimensions: [['Channel']],
          Metrics: [{ Name: 'EventsReceived', Unit: 'Count' }, { Name: 'EventsQueued', Unit: 'Count' }],
        }],
      },
      Channel: 'Line',
      EventsReceived: 3,
      EventsQueued: 3,
    }]);
  });

  test('are written once', () => {
    telemetry.count(Metric.EVENTS_RECEIVED);
    telemetry.flush();
    telemetry.flush();
    expect(lines).toHaveLength(1);
    telemetry.count(Metric.EVENTS_RECEIVED);
    telemetry.flush();
    expect(JSON.parse(lines[1])).toMatchObject({ EventsReceived: 1 });
  });

  test('of nothing are no line', () => {
    telemetry.count(Metric.EVENTS_SET_ASIDE, 0);
    telemetry.flush();
    expect(lines).toEqual([]);
  });
});

describe('log lines', () => {
  test.each([
    ['INFO', (each: StdoutTelemetry) => each.info('CODE', 'message', { events: 2, late: true, id: 'e' })],
    ['WARN', (each: StdoutTelemetry) => each.warn('CODE', 'message', { events: 2, late: true, id: 'e' })],
    ['ERROR', (each: StdoutTelemetry) => each.error('CODE', 'message', { events: 2, late: true, id: 'e' })],
  ])('of level %s are one line of JSON at once', (level, log) => {
    log(telemetry);
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { timestamp: '2026-11-23T01:02:03.000Z', level, code: 'CODE', message: 'message', channel: 'Line', events: 2, late: true, id: 'e' },
    ]);
  });

  test.each([
    ['INFO', (each: StdoutTelemetry) => each.info('CODE', 'message')],
    ['WARN', (each: StdoutTelemetry) => each.warn('CODE', 'message')],
    ['ERROR', (each: StdoutTelemetry) => each.error('CODE', 'message')],
  ])('of level %s need no fields', (level, log) => {
    log(telemetry);
    expect(JSON.parse(lines[0])).toEqual({ timestamp: '2026-11-23T01:02:03.000Z', level, code: 'CODE', message: 'message', channel: 'Line' });
  });

  test('stay one line whatever a field holds, and no field passes for another member', () => {
    telemetry.info('CODE', 'two\nlines', { code: 'FORGED', level: 'FATAL', channel: 'x', message: 'm', timestamp: 't', note: 'a\nb' });
    expect(lines[0]).not.toContain('\n');
    expect(JSON.parse(lines[0])).toEqual({
      timestamp: '2026-11-23T01:02:03.000Z', level: 'INFO', code: 'CODE', message: 'two\nlines', channel: 'Line', note: 'a\nb',
    });
  });

  test('leave out fields without a value', () => {
    telemetry.info('CODE', 'message', { webhookEventId: undefined });
    expect(JSON.parse(lines[0])).not.toHaveProperty('webhookEventId');
  });
});

test('both go to standard output, a line each, unless a writer is given', () => {
  // GIVEN
  const write = jest.spyOn(process.stdout, 'write').mockImplementation(() => true);
  // WHEN
  const subject = new StdoutTelemetry('Line');
  subject.count(Metric.EVENTS_RECEIVED);
  subject.info('CODE', 'message');
  subject.flush();
  const written = write.mock.calls.map(([text]) => String(text));
  write.mockRestore();
  // THEN
  expect(written).toHaveLength(2);
  written.forEach((text) => expect(text).toMatch(/^\{.*\}\n$/));
  expect(JSON.parse(written[1])._aws.Timestamp).toBeGreaterThan(NOW - 365 * 24 * 3_600_000);
});
