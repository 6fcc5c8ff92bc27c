import { Annotations, Aspects, Token } from 'aws-cdk-lib';
import { IConstruct } from 'constructs';
import { ISubscriberTable } from './subscriber-table';
import { fail } from '../shared/validation';

/** Keys of the app's channels in each table. */
const KEYS_IN_USE = new WeakMap<ISubscriberTable, Set<string>>();

/**
 * Notes the key of a channel.
 *
 * @returns whether no other channel of the table has it
 */
export function takeChannelKey(subscribers: ISubscriberTable, channelKey: string): boolean {
  const keys = KEYS_IN_USE.get(subscribers) ?? new Set();
  const isFree = !keys.has(channelKey);
  KEYS_IN_USE.set(subscribers, keys.add(channelKey));
  return isFree;
}

/**
 * Looks whether a channel of the table has the key, when the app is synthesized: channels may come later. A table of which the app has no
 * channel may have them elsewhere, and so may one whose key somebody wrote down, which is only warned of.
 *
 * @param isGiven whether somebody wrote the key down; it is the default otherwise
 * @param consequence of a key that no channel has
 */
export function expectChannelKey(scope: IConstruct, subscribers: ISubscriberTable, channelKey: string, isGiven: boolean, consequence: string): void {
  Aspects.of(scope).add({
    visit: (node) => {
      const keys = [...KEYS_IN_USE.get(subscribers) ?? []];
      if (node !== scope || Token.isUnresolved(channelKey) || keys.length === 0 || keys.includes(channelKey)) {
        return;
      }
      const known = `channels of this app have ${keys.map((key) => `'${key}'`).join(', ')} in the table`;
      if (!isGiven) {
        fail(scope, `\`channelKey\` must be given, because ${known} and none has the default '${channelKey}': ${consequence}`);
      }
      Annotations.of(scope).addWarningV2('cdk-line-pinpoint:unknownChannelKey',
        `\`channelKey\` is '${channelKey}', and ${known}: unless a channel of another app has it, ${consequence}`);
    },
  });
}
