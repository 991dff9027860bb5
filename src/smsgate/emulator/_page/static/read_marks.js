// How many messages of each conversation were seen, kept by the browser as long as the emulator runs.

const PREFIX = "smsgate-seen-";
const SAVE_AFTER = 300;

export class ReadMarks {
  /** @param {string} instance - name of the running emulator; marks of others are deleted. */
  constructor(instance) {
    this.instance = instance;
    this.counts = new Map();
    try {
      this.counts = new Map(Object.entries(JSON.parse(localStorage.getItem(PREFIX + instance)) ?? {}));
      Object.keys(localStorage)
        .filter((key) => key.startsWith(PREFIX) && key !== PREFIX + instance)
        .forEach((key) => localStorage.removeItem(key));
    } catch { /* without storage everything is unread after a reload */ }
  }

  seen(number) {
    return this.counts.get(number) ?? 0;
  }

  see(number, count) {
    this.counts.set(number, count);
    this.save();
  }

  /** Lower the marks to what is there, after messages were deleted. */
  limitTo(conversations) {
    for (const [number, count] of this.counts) {
      const left = conversations.get(number)?.messages.length ?? 0;
      if (left < count) this.counts.set(number, left);
    }
    this.save();
  }

  save() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      try {
        localStorage.setItem(PREFIX + this.instance, JSON.stringify(Object.fromEntries(this.counts)));
      } catch { /* full or forbidden */ }
    }, SAVE_AFTER);
  }
}
