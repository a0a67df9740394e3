"""One third-party client or outside thing a module, behind rune.ports. Adapters know no rule of Rune."""
