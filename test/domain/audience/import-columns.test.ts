import { ImportConfig } from '../../../src/contract/imports';
import { importColumns, userIdColumns } from '../../../src/domain/audience/import-columns';
import { tagOf } from '../../../src/domain/audience/import-file-name';
import { ImportRefused } from '../../../src/domain/audience/import-refused';

type Config = Pick<ImportConfig, 'columns' | 'otherColumns'>;
const columns = (header: string, config: Partial<Config> = {}, onlyIds = false) => importColumns(header.split(','), { columns: {}, otherColumns: 'ATTRIBUTES', ...config }, onlyIds);

test('every column has its place', () => {
  expect(columns('Address,User.UserAttributes.a,Attributes.b,Attributes.b,Metrics.c,Location.City,Demographic.Make,,plan,CohortId,Attributes.d.e')).toEqual({
    width: 11,
    header: ['Address', 'User.UserAttributes.a', 'Attributes.b', 'Attributes.b', 'Metrics.c', 'Location.City', 'Demographic.Make', '', 'plan', 'CohortId', 'Attributes.d.e'],
    members: { Address: { index: 0, column: 'Address' } },
    userAttributes: [{ name: 'a', columns: [{ index: 1, column: 'User.UserAttributes.a' }] }],
    attributes: [
      { name: 'b', columns: [{ index: 2, column: 'Attributes.b' }, { index: 3, column: 'Attributes.b' }] },
      { name: 'plan', columns: [{ index: 8, column: 'plan' }] },
      { name: 'd.e', columns: [{ index: 10, column: 'Attributes.d.e' }] },
    ],
    metrics: [{ index: 4, column: 'Metrics.c', name: 'c' }],
    location: [{ index: 5, column: 'Location.City', name: 'City' }],
    demographic: [{ index: 6, column: 'Demographic.Make', name: 'Make' }],
    unnamed: [7],
    leftOut: ['CohortId'],
  });
});

test('the mapping goes first, and what it maps to nothing is left out', () => {
  const { members, attributes, leftOut } = columns('uid,Address,rank', { columns: { uid: 'Address', Address: 'Attributes.Street', rank: '' } });
  expect([members, attributes.map(({ name }) => name), leftOut]).toEqual([{ Address: { index: 0, column: 'uid' } }, ['Street'], ['rank']]);
});

test('other columns go nowhere, if told so', () => {
  expect(columns('userId,plan,constructor', { otherColumns: 'IGNORE' }).leftOut).toEqual(['plan', 'constructor']);
});

test('userId is the address only where no member gives the id', () => {
  expect(columns('userId').members.Address).toEqual({ index: 0, column: 'userId' });
  expect(columns('userId,Id').attributes).toEqual([{ name: 'userId', columns: [{ index: 0, column: 'userId' }] }]);
  expect(columns('userId,Id', { columns: { userId: 'User.UserId' } }).members).toMatchObject({ 'User.UserId': { index: 0 }, 'Id': { index: 1 } });
  expect(userIdColumns()).toMatchObject({ width: 1, members: { Address: { index: 0 } } });
});

test.each<[string, RegExp, Partial<Config>?, boolean?]>([
  ['Address,Address', /^column 'Address': column 'Address' goes to the same member/],
  ['uid,Address', /^column 'Address': column 'uid' goes to the same member/, { columns: { uid: 'Address' } }],
  ['Address,Metrics.a,Metrics.a', /goes to the same member/],
  ['Address,Location.Town', /^column 'Location.Town': Location has no member 'Town'\. It has City, Country/],
  ['Address,Location.city', /did you mean Location.City\?/],
  ['Address,Demographic.OS', /Demographic has no member 'OS'/],
  ['Address,User.userAttributes.x', /Did you mean User.UserAttributes.x\?/],
  ['Address,User.Name', /User has the members UserId and UserAttributes/],
  ['Address,Attributes.', /the name after Attributes\. has 0 characters/],
  [`Address,Attributes.${'x'.repeat(51)}`, /has 51 characters, allowed are 1 to 50/],
  [`Address,${'x'.repeat(51)}`, /has 51 characters, allowed are 1 to 50/],
  ['Address,optOut', /did you mean OptOut\?.*columns: \{ 'optOut': 'Attributes.optOut' \}/],
  ['Address,attributes.x', /did you mean Attributes.x\?/],
  ['Address,Channel Type', /did you mean ChannelType\?/],
  ['Address,plan', /column 'plan' is not known\. Allowed are Address/, { otherColumns: 'REFUSE' }],
  ['Address,x', /columns maps 'x' to 'Adress', which is no member of an endpoint.*Did you mean Address\?/, { columns: { x: 'Adress' } }],
  ['Address,x', /columns maps 'x' to 'Location.Town': Location has no member/, { columns: { x: 'Location.Town' } }],
  ['name,line_id', /columns: \{ 'line_id': 'Address' \}/],
  ['', /the header has no names/],
  ['Address,OptOut', /format USER_IDS/, {}, true],
])('%s refuses the file', (header, message, ...options) => {
  // Jest takes a parameter that has no value for its callback.
  const [config, onlyIds] = options;
  expect(() => columns(header, config, onlyIds)).toThrow(message);
  expect(() => columns(header, config, onlyIds)).toThrow(ImportRefused);
});

test.each([
  ['import/vip.csv', 'vip'], ['vip.jsonl.gz', 'vip'], ['a/b/春 の セール.CSV', '春 の セール'], ['part.1.gz', 'part.1'], ['a+b#c.csv', 'a-b-c'], ['か\u3099.txt', 'が'], ['export', 'export'],
])('the tag of %s is %s', (key, tag) => {
  expect(tagOf({ kind: 'fileName' }, key)).toBe(tag);
});

test('other tags do not depend on the file', () => {
  expect([tagOf({ kind: 'none' }, 'a.csv'), tagOf({ kind: 'fixed', tag: 'vip' }, 'a.csv')]).toEqual([undefined, 'vip']);
  expect(() => tagOf({ kind: 'fileName' }, `x/${'y'.repeat(65)}.csv`)).toThrow('has 65 characters, allowed are 1 to 64. Rename the file, or give a fixed tag');
  expect(() => tagOf({ kind: 'fileName' }, 'import/.csv')).toThrow('has 0 characters');
});
