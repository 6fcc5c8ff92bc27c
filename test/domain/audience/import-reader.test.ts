import * as fc from 'fast-check';
import { ImportConfig, ImportRow, RejectedRow } from '../../../src/contract/imports';
import { ImportCounts, ImportReader } from '../../../src/domain/audience/import-reader';
import { parseCsv } from '../../../src/runtime/csv-parser';
import '../../support/fast-check-seed';

const FILE_AT = Date.UTC(2026, 10, 23, 9);
const A = `U${'a'.repeat(32)}`;
const B = `U${'b'.repeat(32)}`;
const C = `U${'c'.repeat(32)}`;

interface Read {
  readonly rows: ImportRow[];
  readonly rejected: RejectedRow[];
  readonly counts: ImportCounts;
  readonly leftOut: string[];
}

/** @param sizes of the pieces that the bytes come in; the last one counts for the rest */
function read(content: string | Buffer, config: Partial<ImportConfig> = {}, file = 'people', sizes: readonly number[] = [64 * 1024]): Read {
  const rows: ImportRow[] = [];
  const rejected: RejectedRow[] = [];
  const reader = new ImportReader({ config: { format: 'AUTO', columns: {}, otherColumns: 'ATTRIBUTES', ...config }, file, fileAt: FILE_AT, parseCsv }, {
    frozen: (row, encoding) => {
      expect(row.endsWith('}\n')).toBe(true);
      rows.push(JSON.parse(Buffer.from(row, encoding).toString('utf8')));
    },
    rejected: (reports) => rejected.push(...reports),
  });
  const bytes = Buffer.from(content as string);
  for (let from = 0, piece = 0; from < bytes.length; piece++) {
    const size = sizes[Math.min(piece, sizes.length - 1)];
    reader.push(bytes.subarray(from, from + size));
    from += size;
  }
  reader.end();
  return { rows, rejected, counts: reader.counts, leftOut: reader.leftOut };
}

const row = (id: string, line: number, more: object = {}, at = FILE_AT) => (
  { line, at, endpoint: { Address: id, ChannelType: 'CUSTOM', OptOut: 'NONE', EndpointStatus: 'ACTIVE', ...more } });
const csv = (...lines: string[]) => lines.join('\n');

describe('CSV', () => {
  test('a file with everything that Pinpoint imports', () => {
    const { rows, rejected, counts, leftOut } = read(csv(
      'Id,ChannelType,Address,OptOut,EndpointStatus,EffectiveDate,CreationDate,RequestId,User.UserId,User.UserAttributes.DisplayName,Attributes.Interests,Attributes.Interests,Metrics.Points,Location.Country,Location.Latitude,Demographic.Timezone',
      `x,CUSTOM,${A},ALL,INACTIVE,2026-10-01T02:03:04.567Z,2026-01-01,r,crm-1,"春野 ""花子""",sale,"a,b",12.50,JP,35.6,Asia/Tokyo`,
      `${B},,,,,,,,,,,,,,,`,
    ));
    expect(rejected).toEqual([]);
    expect(rows).toEqual([
      row(A, 2, {
        OptOut: 'ALL',
        EndpointStatus: 'INACTIVE',
        CreationDate: '2026-01-01T00:00:00.000Z',
        User: { UserId: 'crm-1', UserAttributes: { DisplayName: ['春野 "花子"'] } },
        Attributes: { Interests: ['sale', 'a,b'] },
        Metrics: { Points: 12.5 },
        Location: { Country: 'JP', Latitude: 35.6 },
        Demographic: { Timezone: 'Asia/Tokyo' },
      }, Date.UTC(2026, 9, 1, 2, 3, 4, 567)),
      row(B, 3),
    ]);
    expect(counts).toEqual({ rows: 2, frozen: 2, ignored: 0, rejected: 0 });
    expect(leftOut).toEqual(['RequestId']);
  });

  test.each([
    ['a byte order mark', `\uFEFFAddress\n${A}\n`],
    ['carriage returns', `Address\r\n${A}\r\n`],
    ['carriage returns alone', `Address\r${A}\r`],
    ['quotes around everything', `"Address"\n"${A}"\n`],
    ['quotes and carriage returns', `"Address","Attributes.x"\r\n"${A}",""\r\n`],
    ['a semicolon', `Address;Attributes.x\n${A};\n`],
    ['a tab', `Address\tAttributes.x\n${A}\t\n`],
    ['blanks around names and ids', ` Address ,Attributes.x\n ${A} ,\n`],
    ['no line end at the end', `Address\n${A}`],
    ['empty fields that the header does not have', `Address\n${A},,\n`],
    ['a column without a name', `Address,\n${A},\n`],
    ['the id under User.UserId only', `User.UserId\n${A}\n`],
    ['the id under LINE\'s name of it', `userId\n${A}\n`],
  ])('a file with %s', (_, content) => {
    const { rows, rejected } = read(content, {}, 'people.csv');
    expect(rejected).toEqual([]);
    expect(rows.map(({ line, endpoint }) => [line, endpoint.Address])).toEqual([[2, A]]);
  });

  test('blank lines count as lines and not as rows, also before the header', () => {
    const { rows, counts } = read(csv('', ' ', 'Address', '', A, '  ', B, ''));
    expect(rows.map(({ line }) => line)).toEqual([5, 7]);
    expect(counts.rows).toBe(2);
  });

  test('quoted line breaks: the next row is on a later line', () => {
    const { rows } = read(csv('Address,Attributes.note', `${A},"one\ntwo\r\n\nfour"`, `${B},x`));
    expect(rows).toEqual([row(A, 2, { Attributes: { note: ['one\ntwo\r\n\nfour'] } }), row(B, 6, { Attributes: { note: ['x'] } })]);
  });

  test('names that objects have, and characters that JSON escapes, are data', () => {
    const { rows } = read(csv('Address,Attributes.__proto__,constructor,Attributes.a"b', `${A},p,c\\d\t\u0001,😀`));
    expect(Object.entries(rows[0].endpoint.Attributes!)).toEqual([['__proto__', ['p']], ['constructor', ['c\\d\t\u0001']], ['a"b', ['😀']]]);
  });

  test('rows of other channels are ignored, whatever else is wrong with them', () => {
    const { rows, rejected, counts } = read(csv('ChannelType,Address,OptOut', 'EMAIL,a@example.com,SOME', 'SMS,+81,', `CUSTOM,${A},`));
    expect(rows).toHaveLength(1);
    expect(rejected).toEqual([]);
    expect(counts).toEqual({ rows: 3, frozen: 1, ignored: 2, rejected: 0 });
  });

  test.each<[string, string, string, string?]>([
    ['ChannelType', 'LINE', 'must be CUSTOM'],
    ['OptOut', 'yes', 'must be ALL'],
    ['EndpointStatus', 'on', 'must be ACTIVE'],
    ['EffectiveDate', '23.11.2026', 'ISO 8601'],
    ['EffectiveDate', '2026-11-24T09:00:00.001Z', 'ISO 8601'],
    ['CreationDate', '2026-02-30', 'ISO 8601'],
    ['Metrics.Points', '1e999', 'must be a number'],
    ['Metrics.Points', '"1,000"', 'must be a number', '1,000'],
    ['Location.Latitude', '90.5', 'from -90 to 90'],
    ['Attributes.note', '春'.repeat(101), 'has 101 characters, allowed are 100'],
    ['User.UserAttributes.note', 'x'.repeat(101), 'has 101 characters'],
    ['Demographic.Make', 'x'.repeat(101), 'has 101 characters'],
    ['User.UserId', 'x'.repeat(101), 'has 101 characters'],
  ])('%s of %.12s is rejected, and the rows around it are not', (column, value, reason, shown = value) => {
    const { rows, rejected, counts } = read(csv(`Address,${column}`, `${A},`, `${B},${value}`, `${C},`));
    expect(rows.map(({ line }) => line)).toEqual([2, 4]);
    expect(rejected).toEqual([{ line: 3, column, value: shown, reason: expect.stringContaining(reason) }]);
    expect(counts).toEqual({ rows: 3, frozen: 2, ignored: 0, rejected: 1 });
  });

  test('100 characters are not too many, however many bytes they have', () => {
    expect(read(csv('Address,Attributes.note', `${A},${'春'.repeat(100)}`)).rejected).toEqual([]);
  });

  test('everything that is wrong with a row is told, as one row', () => {
    const { rejected, counts } = read(csv('Address,OptOut,Metrics.n', 'nobody,x,y', `${A},,`));
    expect(rejected.map(({ line, column }) => [line, column])).toEqual([[2, 'Address'], [2, 'OptOut'], [2, 'Metrics.n']]);
    expect(counts.rejected).toBe(1);
  });

  test.each([
    ['upper case', A.toUpperCase()], ['too short', A.slice(0, 32)], ['another service\'s id', '+81312345678'], ['empty', ''],
  ])('an id that is %s is rejected', (_, id) => {
    expect(read(csv('Address,Attributes.x', `${A},`, `${id},x`)).rejected).toMatchObject([{ line: 3, column: 'Address', value: id }]);
  });

  test('an address that is none of LINE\'s is not replaced by another id', () => {
    expect(read(csv('Id,Address', `${A},a@example.com`, `${B},`)).rejected).toMatchObject([{ line: 2, column: 'Address', value: 'a@example.com' }]);
  });

  test.each([
    ['too few', `${B}`, 'the row has 1 fields, the header 2'], ['too many', `${B},x,y`, 'the row has 3 fields, the header 2'],
  ])('a row with %s fields', (_, line, reason) => {
    const { rows, rejected } = read(csv('Address,Attributes.x', `${A},`, line, `${C},`));
    expect(rows.map(({ endpoint }) => endpoint.Address)).toEqual([A, C]);
    expect(rejected).toEqual([{ line: 3, reason: expect.stringContaining(reason) }]);
  });

  test('a value in a column without a name', () => {
    expect(read(csv('Address,', `${A},x`)).rejected).toMatchObject([{ line: 2, value: 'x', reason: expect.stringContaining('column 2 has no name') }]);
  });

  test('an endpoint of more than 15 KB', () => {
    const columns = Array.from({ length: 60 }, (_, index) => `Attributes.a${index}`);
    const { rejected } = read(csv(`Address,${columns}`, `${A},${columns.map(() => '春'.repeat(90))}`, `${B},${columns.map(() => 'x')}`));
    expect(rejected).toEqual([{ line: 2, reason: expect.stringMatching(/the endpoint has 1\d{4} bytes, allowed are 15360/) }]);
  });

  test('51 values of one attribute', () => {
    const header = `Address${',Attributes.list'.repeat(51)}`;
    expect(read(csv(header, `${A}${',x'.repeat(51)}`, `${B}${',x'.repeat(50)},`)).rejected).toMatchObject([{ line: 2, column: 'Attributes.list' }]);
  });

  describe('quotes', () => {
    const header = 'Address,Attributes.note';
    const reason = expect.stringContaining('a double quote is opened on this line and not closed');

    test.each([
      ['never closed', `${B},"never closed`],
      ['closed in the middle of a field', `${B},"He said "hi"" to me`],
    ])('that are %s cost their line', (_, line) => {
      const { rows, rejected } = read(csv(header, `${A},x`, line, `${C},"y"`, `${A},`));
      expect(rows.map((each) => each.line)).toEqual([2, 4, 5]);
      expect(rejected).toEqual([{ line: 3, value: expect.stringContaining(B), reason }]);
    });

    test('that swallow rows up to another quote give them back', () => {
      const { rows, rejected } = read(csv(header, `${A},"open`, `${B},x`, `${C},y"`, `${A},z`));
      expect(rejected).toEqual([{ line: 2, value: expect.stringContaining(A), reason }]);
      expect(rows.map(({ line, endpoint }) => [line, endpoint.Attributes!.note])).toEqual([[3, ['x']], [4, ['y"']], [5, ['z']]]);
    });

    test('that are never closed cost their line in a long file, too', () => {
      const lines = Array.from({ length: 20_000 }, (_, index) => `${A},note ${index}`);
      lines[0] += '"';
      lines[1] = `${B},"open`;
      const { rows, rejected, counts } = read(csv(header, ...lines));
      expect(rejected).toEqual([{ line: 3, value: expect.stringContaining(B), reason }]);
      expect(rows).toHaveLength(19_999);
      expect(rows[19_998].line).toBe(20_001);
      expect(counts.rows).toBe(20_000);
    });

    test('that are opened on every line do not take for ever', () => {
      const lines = Array.from({ length: 2_000 }, (_, index) => `${A},"open ${index}`);
      expect(read(csv(header, ...lines)).counts.rejected).toBeGreaterThan(800);
    });

    test('that have line breaks between them may stand before the id', () => {
      expect(read(csv('Attributes.note,Address', `"one\ntwo",${A}`, `"x",${B}`)).rows.map(({ line }) => line)).toEqual([2, 4]);
    });

    test('in the middle of a field without quotes are data', () => {
      expect(read(csv(header, `${A},5" disk "x"`)).rows[0].endpoint.Attributes).toEqual({ note: ['5" disk "x"'] });
    });

    test('a quoted field with line breaks that is wrong is one row', () => {
      const { rows, rejected } = read(csv(header, `${A},"${'x\n'.repeat(60)}"`, `${B},`));
      expect(rejected).toMatchObject([{ line: 2, column: 'Attributes.note' }]);
      expect(rows.map(({ line }) => line)).toEqual([63]);
    });
  });

  describe('a file that is not UTF-8', () => {
    const shiftJis = Buffer.from([0x8f, 0x74]);

    test('loses the rows that are not', () => {
      const bytes = Buffer.concat([Buffer.from(`Address,Attributes.x\n${A},春\n${B},`), shiftJis, Buffer.from(`\n${C},"a\n`), shiftJis, Buffer.from(`"\n${A},z\n`)]);
      const { rows, rejected } = read(bytes);
      expect(rows.map(({ line }) => line)).toEqual([2, 6]);
      expect(rejected).toEqual([3, 4].map((line) => ({ line, value: expect.anything(), reason: expect.stringContaining('CSV UTF-8') })));
    });

    test('is refused when its header is not', () => {
      expect(() => read(Buffer.concat([Buffer.from('Address,'), shiftJis, Buffer.from(`\n${A},x\n`)]))).toThrow('line 1, the header: the row is not in UTF-8');
    });
  });

  test('a line of more than 1 MB', () => {
    const { rows, rejected } = read(csv('Address,Attributes.x', `${A},`, `${B},${'x'.repeat(3 * 1024 * 1024)}`, `${C},`));
    expect(rows.map(({ line }) => line)).toEqual([2, 4]);
    expect(rejected).toEqual([{ line: 3, value: expect.stringContaining(B), reason: expect.stringContaining('more than 1 MB') }]);
    expect(() => read('x'.repeat(3 * 1024 * 1024))).toThrow('the first line: the line has more than 1 MB');
  });

  test.each<[string, string | Buffer, RegExp]>([
    ['no column with an id', csv('name,age', 'x,1'), /no column gives a LINE user id: the header has 'name', 'age'.*columns: \{ 'name': 'Address' \}/],
    ['a typo in the id\'s name', csv('name,adress', 'x,1'), /columns: \{ 'adress': 'Address' \}/],
    ['a workbook', Buffer.from('PK\x03\x04xyz'), /ZIP archive.*CSV UTF-8/],
    ['UTF-16', Buffer.from('\uFEFFAddress\n', 'utf16le'), /UTF-16/],
    ['a file zipped twice', Buffer.from([0x1f, 0x8b, 8, 0]), /gzip twice/],
    ['a JSON array', '[{"Address":"x"}]', /JSON that goes over several lines/],
    ['JSON over several lines', '{\n"Address": 1}', /JSON that goes over several lines/],
  ])('%s refuses the file', (_, content, message) => {
    expect(() => read(content)).toThrow(message);
  });

  test('a file without a header needs another format', () => {
    expect(() => read(`${A}\n`, { format: 'CSV' })).toThrow('A file without a header needs the format USER_IDS');
  });
});

describe('JSON Lines', () => {
  const line = (value: object) => JSON.stringify(value);

  test('a line of a Pinpoint export, with members that nobody knows', () => {
    const { rows, rejected, counts, leftOut } = read([
      line({
        Id: A,
        ChannelType: 'CUSTOM',
        Address: A,
        OptOut: 'ALL',
        EndpointStatus: 'INACTIVE',
        EffectiveDate: '2026-10-01T00:00:00Z',
        CreationDate: '2026-01-01T02:03:04.567Z',
        CohortId: '12',
        ApplicationId: 'app',
        RequestId: 'r',
        Attributes: { Interests: ['sale', '春 "x"'], __proto: ['p'] },
        Metrics: { Points: 1.5 },
        Location: { Country: 'JP', Latitude: 35.6, Town: 'x' },
        Demographic: { Timezone: 'Asia/Tokyo' },
        Future: { deep: true },
        User: { UserId: 'crm', UserAttributes: { DisplayName: ['\ud800 春'] }, Kind: 'x' },
      }),
      line({ ChannelType: 'EMAIL', Address: 'a@example.com' }),
      line({ Address: '', Id: B, Attributes: null, Metrics: { none: null }, User: null }),
    ].join('\n'));
    expect(rejected).toEqual([]);
    expect(rows).toEqual([
      row(A, 1, {
        OptOut: 'ALL',
        EndpointStatus: 'INACTIVE',
        CreationDate: '2026-01-01T02:03:04.567Z',
        User: { UserId: 'crm', UserAttributes: { DisplayName: ['\ufffd 春'] } },
        Attributes: { Interests: ['sale', '春 "x"'], __proto: ['p'] },
        Metrics: { Points: 1.5 },
        Location: { Country: 'JP', Latitude: 35.6 },
        Demographic: { Timezone: 'Asia/Tokyo' },
      }, Date.UTC(2026, 9, 1)),
      row(B, 3),
    ]);
    expect(counts).toEqual({ rows: 3, frozen: 2, ignored: 1, rejected: 0 });
    expect(leftOut.sort()).toEqual(['ApplicationId', 'CohortId', 'Future', 'Location.Town', 'RequestId', 'User.Kind']);
  });

  test('members go where columns of their names go', () => {
    const config = { columns: { 'lineId': 'Address', 'rank': 'Metrics.Rank', 'Attributes.secret': '', 'hobby': 'Attributes.Interests' } };
    const { rows, rejected } = read(line({ lineId: A, rank: '3', plan: 'gold', hobby: ['b'], Attributes: { secret: ['s'], Interests: ['a'] } }), config);
    expect(rejected).toEqual([]);
    expect(rows[0].endpoint).toEqual({ ...row(A, 1).endpoint, Metrics: { Rank: 3 }, Attributes: { plan: ['gold'], Interests: expect.arrayContaining(['a', 'b']) } });
  });

  test.each([['{"__proto__":{"x":["y"]},"Address":"', 0], ['{"Attributes":{"__proto__":["y"]},"other":1,"Address":"', 2]])('%s: names that objects have are data', (start, count) => {
    const { rows } = read(`${start}${A}"}`);
    expect(Object.keys(rows[0].endpoint.Attributes ?? {})).toHaveLength(count);
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });

  test.each<[string, string | object, string | undefined, string]>([
    ['no JSON', '{"Address":', undefined, 'is not JSON'],
    ['no object', '[1]', undefined, 'not an object'],
    ['no id', { Attributes: {} }, 'Address', 'no LINE user id'],
    ['a wrong id', { Address: 'x' }, 'Address', 'is no LINE user id'],
    ['a wrong channel', { Address: A, ChannelType: 'LINE' }, 'ChannelType', 'must be CUSTOM'],
    ['a wrong opt-out', { Address: A, OptOut: 'YES' }, 'OptOut', 'must be ALL'],
    ['a wrong status', { Address: A, EndpointStatus: 1 }, 'EndpointStatus', 'must be ACTIVE'],
    ['a wrong time', { Address: A, EffectiveDate: 'soon' }, 'EffectiveDate', 'ISO 8601'],
    ['an object as a value', { Address: A, Attributes: { a: [{}] } }, 'Attributes.a', 'must be a list of texts'],
    ['a long value', { Address: A, Attributes: { a: ['x'.repeat(101)] } }, 'Attributes.a', 'has 101 characters'],
    ['many values', { Address: A, Attributes: { a: Array(51).fill('x') } }, 'Attributes.a', 'has 51 values'],
    ['a long name', { Address: A, Attributes: { ['n'.repeat(51)]: ['x'] } }, `Attributes.${'n'.repeat(51)}`, 'has 51 characters'],
    ['a metric that is no number', { Address: A, Metrics: { n: 'x' } }, 'Metrics.n', 'must be a number'],
    ['a longitude', { Address: A, Location: { Longitude: 181 } }, 'Location.Longitude', 'from -180 to 180'],
    ['attributes that are none', { Address: A, Attributes: 'x' }, 'Attributes', 'must be an object'],
    ['a list with a member toString', `{"Address":"${A}","shop":1,"Attributes":[{"toString":1}]}`, 'Attributes', 'must be an object'],
    ['a channel with a member toString', { Address: A, ChannelType: { toString: 1 } }, 'ChannelType', 'must be a text'],
    ['a value that nests deeply', `{"Address":"${A}","Attributes":{"a":[${'['.repeat(50_000)}${']'.repeat(50_000)}]}}`, undefined, 'nests too deeply'],
    ['a member that nests deeply', `{"Address":"${A}","Metrics":{"a":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}}}`, undefined, 'nests too deeply'],
    ['a member that is probably another', { Address: A, optout: 'ALL' }, 'optout', 'did you mean OptOut?'],
    ['an endpoint of more than 15 KB', { Address: A, Attributes: Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`a${index}`, ['春'.repeat(90)]])) }, undefined, '15360'],
  ])('%s is rejected, and the rows around it are not', (_, wrong, column, reason) => {
    const { rows, rejected } = read([line({ Address: A }), typeof wrong === 'string' ? wrong : line(wrong), line({ Address: B })].join('\r\n'));
    expect(rows.map((each) => each.line)).toEqual([1, 3]);
    expect(rejected[0]).toMatchObject({ line: 2, reason: expect.stringContaining(reason) });
    expect(rejected.every((report) => report.line === 2)).toBe(true);
    expect(rejected[0].column).toBe(column);
  });

  test('lines that are too long or not UTF-8, and blank ones', () => {
    const bytes = Buffer.concat([Buffer.from(`${line({ Address: A })}\n\n`), Buffer.from([0x7b, 0xff, 0x0a]), Buffer.from(`{"x":"${'y'.repeat(2_000_000)}"}\n${line({ Address: B })}`)]);
    const { rows, rejected } = read(bytes);
    expect(rows.map((each) => each.line)).toEqual([1, 5]);
    expect(rejected.map(({ line: at, reason }) => [at, reason.slice(0, 24)])).toEqual([[3, 'the row is not in UTF-8.'], [4, 'the line has more than 1']]);
  });

  test('an unknown member is rejected where the import refuses unknown columns', () => {
    const { rejected } = read(`${line({ Address: A, plan: 'x' })}\n${line({ Address: B, CohortId: '1' })}`, { otherColumns: 'REFUSE' });
    expect(rejected).toEqual([{ line: 1, column: 'plan', reason: expect.stringContaining('\'plan\' is not known') }]);
  });
});

describe('lists of LINE user ids', () => {
  test.each<[string, Partial<ImportConfig>]>([
    [`${A}\n${B}\n`, {}],
    [`${A}\r\n${B}`, { format: 'USER_IDS' }],
    [`userId\n${A}\n${B}\n`, { format: 'USER_IDS' }],
    [`User.UserId\n${A}\n${B}\n`, { format: 'USER_IDS' }],
    [`{"userId":"${A}"}\n{"userId":"${B}"}`, { format: 'USER_IDS' }],
    [`{"userId":"${A}"}\n{"userId":"${B}"}`, {}],
    [`{"User":{"UserId":"${A}"}}\n{"User":{"UserId":"${B}"}}\n`, { format: 'USER_IDS' }],
  ])('%j with %j', (content, config) => {
    const { rows, rejected } = read(content, config);
    expect(rejected).toEqual([]);
    expect(rows.map(({ endpoint }) => endpoint.Address)).toEqual([A, B]);
  });

  test('a name that says CSV does not make an id a header', () => {
    expect(read(`${A}\n${B}\n`, {}, 'ids.csv').rows).toHaveLength(2);
  });

  test('hold nothing else', () => {
    expect(() => read(csv('userId,plan', `${A},x`), { format: 'USER_IDS' })).toThrow('column \'plan\': a file of the format USER_IDS holds LINE user ids and nothing else');
    expect(read(`{"userId":"${A}","plan":"x"}\n{"userId":"${B}"}`, { format: 'USER_IDS' }).rejected).toMatchObject([{ line: 1, column: 'plan' }]);
    expect(read(`${A}\n${B},x\nnobody\n`, { format: 'USER_IDS' }).rejected.map(({ line }) => line)).toEqual([2, 3]);
  });
});

test.each([['a.csv', '{"Address":1}', /no column gives/], ['a.jsonl', 'Address', 'rejected'], ['a.JSON.gz', 'Address', 'rejected'], ['a.gz', 'Address', 'rows']])(
  'the name says what %s is', (file, content, result) => {
    const outcome = () => {
      const { counts } = read(`${content}\n${A}\n`, {}, file);
      return counts.rejected > 0 ? 'rejected' : 'rows';
    };
    expect(result instanceof RegExp ? outcome : outcome()).toEqual(result instanceof RegExp ? expect.any(Function) : result);
    if (result instanceof RegExp) {
      expect(outcome).toThrow(result);
    }
  });

test.each([['CSV', `Address\n${A}\n`, 1], ['JSON Lines', `{"Address":"${A}"}\n`, 0], ['ids', `${A}\n`, 0]])(
  'blank lines before the first row are counted and not kept (%s)', (_, content, header) => {
    const rows: ImportRow[] = [];
    const reader = new ImportReader({ config: { format: 'AUTO', columns: {}, otherColumns: 'ATTRIBUTES' }, file: 'people', fileAt: FILE_AT, parseCsv }, {
      frozen: (text) => rows.push(JSON.parse(text)),
      rejected: () => undefined,
    });
    const lineFeeds = 100_000;
    for (let piece = 0; piece < 20; piece++) {
      reader.push(Buffer.alloc(lineFeeds, '\n'));
    }
    // And a line that is too long, of blanks.
    reader.push(Buffer.from(`${' '.repeat(1_100_000)}\n`));
    expect(bytesIn(reader)).toBeLessThan(lineFeeds);
    reader.push(Buffer.from(content));
    reader.end();
    expect(rows.map(({ line }) => line)).toEqual([20 * lineFeeds + 1 + header + 1]);
  });

/** Bytes of the buffers that an object keeps. */
function bytesIn(value: unknown): number {
  if (value instanceof Uint8Array) {
    return value.length;
  }
  return typeof value === 'object' && value !== null ? Object.values(value).reduce((sum, member) => sum + bytesIn(member), 0) : 0;
}

describe('for any content', () => {
  const text = fc.oneof(fc.string({ maxLength: 40 }), fc.constantFrom('春', '😀', '"', '""', ',', '\n', '\r\n', '\\', 'x"y', ' '), fc.string({ unit: 'grapheme', maxLength: 20 }));
  const field = (value: string) => (/[",\n\r]|^\s|\s$/.test(value) ? `"${value.replace(/"/g, '""')}"` : value);
  const id = (index: number) => `U${index.toString(16).padStart(32, '0')}`;

  test('what is written as CSV is read as it was, at the lines on which it begins, wherever the bytes are cut', () => {
    fc.assert(fc.property(fc.array(fc.tuple(text, text), { maxLength: 60 }), fc.constantFrom('\n', '\r\n'), fc.array(fc.integer({ min: 1, max: 4_000 }), { minLength: 1, maxLength: 5 }), fc.boolean(), (values, end, sizes, isQuoted) => {
      const write = isQuoted ? (value: string) => `"${value.replace(/"/g, '""')}"` : field;
      let line = 2;
      const expected: object[] = [];
      const lines = values.map(([one, two], index) => {
        expected.push(row(id(index), line, one || two ? { Attributes: { ...(one && { one: [one] }), ...(two && { two: [two] }) } } : {}));
        const written = `${write(id(index))},${write(one)},${write(two)}`;
        line += written.split('\n').length;
        return written + end;
      });
      const { rows, rejected } = read(`Address,Attributes.one,Attributes.two${end}${lines.join('')}`, {}, 'a.csv', sizes);
      expect(rejected).toEqual([]);
      expect(rows).toEqual(expected);
    }), { numRuns: 200 });
  });

  test('no bytes make it fail otherwise than by refusing the file, no row is lost, and cuts change nothing', () => {
    const piece = fc.oneof(text, fc.constantFrom(`${A},`, `${B},"`, `{"Address":"${A}"}`, '\n', '\n', '"\n', '\ufeff', 'EMAIL'));
    const cuts = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 });
    fc.assert(fc.property(fc.array(piece, { maxLength: 40 }), cuts, fc.boolean(), (pieces, sizes, isCsv) => {
      const content = `${isCsv ? 'Address,Attributes.x\n' : `{"Address":"${A}"}\n`}${pieces.join('')}`;
      const whole = read(content);
      expect(whole.counts.rows).toBe(whole.counts.frozen + whole.counts.rejected + whole.counts.ignored);
      expect(read(content, {}, 'people', sizes)).toEqual(whole);
      // Every line that is a row of its own is frozen, or a quote before it is open.
      expect(whole.rows.every(({ endpoint }) => /^U[ab]{32}$/.test(endpoint.Address))).toBe(true);
    }), { numRuns: 300 });
  });
});
