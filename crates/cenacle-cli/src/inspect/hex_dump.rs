//! The bytes around a fault, with a mark under the one where it was found.

use core::fmt;

const ROW_BYTES: usize = 16;

/// Prints the row of `offset` and the one before and after it.
#[derive(Debug)]
pub(crate) struct HexDump<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) offset: usize,
}

impl fmt::Display for HexDump<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let marked = self.offset / ROW_BYTES;
        for row in marked.saturating_sub(1)..=marked + 1 {
            let start = row * ROW_BYTES;
            let end = (start + ROW_BYTES).min(self.bytes.len());
            let bytes = self.bytes.get(start..end).unwrap_or_default();
            if bytes.is_empty() && row != marked {
                continue;
            }
            write!(f, "  {start:6}  ")?;
            bytes.iter().try_for_each(|byte| write!(f, "{byte:02x} "))?;
            writeln!(f)?;
            if row == marked {
                let indent = 10 + 3 * (self.offset % ROW_BYTES);
                writeln!(f, "{:indent$}^^ byte {}", "", self.offset)?;
            }
        }
        Ok(())
    }
}
