import { fromAttributeMap } from '../../src/domain/shared/attribute-value';
import { attributeMap, attributeValue } from '../../src/runtime/attribute-map';

test('values of every kind that is written are typed, and read back', () => {
  const values = { text: '春', number: -1.5, flag: false, list: ['a', 1], map: { ['__proto__']: 'data', nested: { empty: '' } } };
  const typed = attributeMap({ ...values, absent: undefined });
  expect(typed).toEqual({
    text: { S: '春' },
    number: { N: '-1.5' },
    flag: { BOOL: false },
    list: { L: [{ S: 'a' }, { N: '1' }] },
    map: { M: { ['__proto__']: { S: 'data' }, nested: { M: { empty: { S: '' } } } } },
  });
  expect(fromAttributeMap(typed)).toEqual(values);
});

test('a set is a set of strings', () => {
  expect(attributeValue(new Set(['vip', '春']))).toEqual({ SS: ['vip', '春'] });
});
