/** Who is told when a group has its first member, and when its last has gone. */
export type GroupListener = { began(key: string): void; ended(key: string): void }

/** Members in groups by a key. Most groups have one member, which stands there by itself: a Set would take ten times its place. */
export function createGroups<Member extends object | string>(listener?: GroupListener) {
  const groups = new Map<string, Member | Set<Member>>()
  const nobody: ReadonlySet<Member> = new Set()

  function end(key: string) {
    groups.delete(key)
    listener?.ended(key)
  }

  return {
    add(key: string, member: Member) {
      const group = groups.get(key)
      if (group instanceof Set) group.add(member)
      else groups.set(key, group === undefined || group === member ? member : new Set([group, member]))
      if (group === undefined) listener?.began(key)
    },
    remove(key: string, member: Member) {
      const group = groups.get(key)
      if (group === member) return end(key)
      if (!(group instanceof Set)) return
      group.delete(member)
      if (group.size === 0) end(key)
    },
    of(key: string): ReadonlySet<Member> {
      const group = groups.get(key)
      if (group === undefined) return nobody
      return group instanceof Set ? group : new Set([group])
    },
    /** The keys that have members now. */
    keys: () => [...groups.keys()]
  }
}
