import { fromAttributeMap, fromAttributeValue } from '../../../src/domain/shared/attribute-value';

test.each([
  [{ S: 'text' }, 'text'],
  [{ S: '' }, ''],
  [{ N: '0' }, 0],
  [{ N: '1763859600000' }, 1763859600000],
  [{ BOOL: false }, false],
  [{ L: [{ S: 'a' }, { N: '1' }] }, ['a', 1]],
  [{ M: { inner: { L: [] } } }, { inner: [] }],
  [{ SS: ['a', 'b'] }, ['a', 'b']],
  [{ NS: ['1', '2'] }, [1, 2]],
  [{ NULL: true }, undefined],
])('%j is %j', (value, plain) => {
  expect(fromAttributeValue(value)).toEqual(plain);
});

test('a row becomes a plain object', () => {
  expect(fromAttributeMap({ pk: { S: 'line#U1' }, User: { M: { UserAttributes: { M: { DisplayName: { L: [{ S: 'Aya' }] } } } } } }))
    .toEqual({ pk: 'line#U1', User: { UserAttributes: { DisplayName: ['Aya'] } } });
});
