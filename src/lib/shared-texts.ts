import { LRUCache } from 'lru-cache'

/** Gives equal texts as one and the same, of those that were given lately: what many things in memory name is there once, and compared at once. */
export function createSharedTexts(atMost: number) {
  const texts = new LRUCache<string, string>({ max: atMost })
  return (text: string) => {
    const known = texts.get(text)
    if (known !== undefined) return known
    texts.set(text, text)
    return text
  }
}
