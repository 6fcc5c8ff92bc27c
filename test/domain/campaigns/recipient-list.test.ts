import { ListedPerson, RecipientList } from '../../../src/domain/campaigns/recipient-list';
import { user } from '../../support/freeze-world';

const [one, two] = [user(1), user(2)];

function read(text: string): { people: ListedPerson[]; list: RecipientList } {
  const list = new RecipientList('list s3://lists/vip');
  // As text lines come: some at a time.
  const lines = text.split('\n');
  const people = [...list.read(lines.slice(0, 1)), ...list.read(lines.slice(1))];
  list.end();
  return { people, list };
}
const listed = (id: string, given?: object) => ({ id, isOut: false, ...(given && { given }) });

test.each<[string, string, object[]]>([
  ['nothing', '', []],
  ['plain lines', `${one}\n${two}\n`, [listed(one), listed(two)]],
  ['a byte order mark, CRLF, blank lines and spaces', `\uFEFF${one}\r\n\r\n  ${two} \r\n`, [listed(one), listed(two)]],
  ['one person twice', `${one}\n${one}`, [listed(one), listed(one)]],
  ['a header that names the column', `Name,Address\nAnna,${one}`, [listed(one)]],
  ['a header of another name', `who\n${one}`, [listed(one)]],
  ['no header, the id in the second column', `Anna,${one}\nBerta,${two}`, [listed(one), listed(two)]],
  ['semicolons', `Name;userId\nAnna;${one}`, [listed(one)]],
  ['tabs', `Name\tuserId\nAnna\t${one}`, [listed(one)]],
  ['quotes, doubled quotes and quoted line breaks', `Name,Note,Address\n"Anna, ""A""","one\ntwo\n\n${two}","${one}"\n`, [listed(one)]],
  ['Pinpoint\'s dotted columns, repeated for lists',
    `Address,Attributes.Coupon,Attributes.Coupon,Metrics.Age,User.UserId,User.UserAttributes.Name,Location.City,OptOut\n${one},A,B,41,u-1,Anna,Tokyo,NONE`,
    [listed(one, {
      Attributes: { Coupon: ['A', 'B'] }, Metrics: { Age: 41 }, Location: { City: 'Tokyo' }, User: { UserId: 'u-1', UserAttributes: { Name: ['Anna'] } },
    })]],
  ['a column that opts out', `Address,OptOut\n${one},ALL\n${two},NONE`, [{ ...listed(one), isOut: true }, listed(two)]],
  ['JSON strings', `{"userId":"${one}"}\n"${two}"`, [listed(one), listed(two)]],
  ['JSON with other names', `{"Id":"${one}"}\n{"id":"${two}","endpoint":{"Attributes":{"Coupon":"A"}}}`, [listed(one), listed(two, { Attributes: { Coupon: ['A'] } })]],
  ['JSON of Pinpoint\'s export', JSON.stringify({
    Id: 'e-1',
    ChannelType: 'CUSTOM',
    Address: one,
    EndpointStatus: 'ACTIVE',
    OptOut: 'NONE',
    CohortId: '3',
    EffectiveDate: '2026-01-01T00:00:00Z',
    Attributes: { Coupon: ['A'] },
    User: { UserId: 'u-1' },
    Metrics: {},
    ApplicationId: 'a',
  }), [listed(one, { Attributes: { Coupon: ['A'] }, User: { UserId: 'u-1' } })]],
  ['JSON of somebody who is inactive', JSON.stringify({ Address: one, EndpointStatus: 'INACTIVE' }), [{ ...listed(one), isOut: true }]],
])('%s', (_case, text, people) => {
  const { people: found, list } = read(text);
  expect(found).toEqual(people);
  expect([list.rows, list.rejected]).toEqual([people.length, 0]);
});

test('many objects and lists beside each other are data', () => {
  const Attributes = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`A${index}`, ['{[']]));
  expect(read(JSON.stringify({ userId: one, Attributes })).people).toEqual([listed(one, { Attributes })]);
});

test('names like those of an object\'s own members are data', () => {
  const [{ given }] = read(`{"Address":"${one}","Attributes":{"__proto__":["A"],"constructor":["B"]}}`).people;
  expect(Object.entries(given!.Attributes as object)).toEqual([['__proto__', ['A']], ['constructor', ['B']]]);
});

test.each([
  ['text without an id', `${one}\nhello\n`, 2],
  ['an id that is too short', `${one}\n${two.slice(1)}`, 2],
  ['broken JSON', `{"userId":"${one}"}\n{"userId":`, 2],
  ['a JSON number, a list', `{"userId":"${one}"}\n7`, 2],
  ['an endpoint of another channel', `{"userId":"${one}"}\n${JSON.stringify({ ChannelType: 'EMAIL', Address: 'a@example.com', User: { UserId: two } })}`, 2],
  ['an attribute that nests too deeply to be written', `{"userId":"${one}"}\n{"userId":"${two}","Attributes":{"A":${'['.repeat(5_000)}${']'.repeat(5_000)}}}`, 2],
  ['a metric that nests too deeply', `{"userId":"${one}"}\n{"userId":"${two}","Metrics":${'{"a":'.repeat(64)}1${'}'.repeat(64)}}`, 2],
  ['a row with too few columns', `Name,Address\nAnna,${one}\nBerta`, 3],
  ['after a record of several lines', `Note,Address\n"a\nb",${one}\nBerta,`, 4],
])('%s is rejected, with the line', (_case, text, line) => {
  const { people, list } = read(text);
  expect(people).toEqual([listed(one)]);
  expect([list.rows, list.rejected, list.firstRejectedLine]).toEqual([2, 1, line]);
});

test.each([
  ['a JSON array', `["${one}"]`, 'list s3://lists/vip is a JSON array; write JSON Lines'],
  ['a quote that does not end', `Note,Address\n"a,${one}\n${two}`, 'a quoted field that begins in line 2 does not end'],
  ['a quote that swallows the rest', `Note,Address\n"a,${one}\n${`${two}\n`.repeat(3_000)}`, 'the record in line 2 has more than 64000 characters'],
])('%s is refused', (_case, text, message) => {
  expect(() => read(text)).toThrow(message);
});
