/** What the construct that registers a source and the functions that read it must agree on. */
import { SourceConfig, SourceNeeds } from './campaigns';

/** What a run must bring for a source, in the order `tag`, `segment`, `key`. */
export function sourceNeeds(config: SourceConfig): SourceNeeds[string] {
  const open = openMembers(config);
  return (['tag', 'segment', 'key'] as const).filter((member) => open.includes(member));
}

/** Every open member of a source and of the sources in it: one that comes twice would mean the same in both places. */
export function openMembers(config: SourceConfig): readonly ('tag' | 'segment' | 'key')[] {
  switch (config.kind) {
    case 'subscribers':
    case 'function':
      return [];
    case 'tag':
      return config.tag === undefined ? ['tag'] : [];
    case 'list':
      return config.key === undefined ? ['key'] : [];
    case 'segment':
      return [...config.segment === undefined ? ['segment'] as const : [], ...Object.values(config.segments ?? {}).flatMap(openMembers)];
    case 'difference':
      return [...openMembers(config.of), ...openMembers(config.without)];
    case 'intersection':
      return [...openMembers(config.of), ...openMembers(config.and)];
    case 'sample':
      return openMembers(config.of);
  }
}
