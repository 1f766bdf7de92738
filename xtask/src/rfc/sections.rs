//! The sections of RFC 9420, what each is to this project where no code says it, and the official vectors of each.

/// What a section holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// What a module has to carry.
    Rules,
    /// Nothing to carry; with what it is instead.
    Informative(&'static str),
    /// Rules that no module carries, and why not. Refused where one does.
    NotHere(&'static str),
}

use Content::{Informative, NotHere, Rules};

/// The title and content of a section by its number.
pub(crate) type Section = (&'static str, &'static str, Content);

/// Every numbered section, in order.
pub(crate) const SECTIONS: &[Section] = &[
    ("1", "Introduction", Informative("introduction")),
    ("2", "Terminology", NotHere("terms; that secrets are kept confidential is asked of everything")),
    ("2.1", "Presentation Language", Rules),
    ("2.1.1", "Optional Value", Rules),
    ("2.1.2", "Variable-Size Vector Length Headers", Rules),
    ("3", "Protocol Overview", Informative("overview")),
    ("3.1", "Cryptographic State and Evolution", Informative("overview")),
    (
        "3.2",
        "Example Protocol Execution",
        NotHere("overview by example; when to renew keys and whom to remove for not doing so is the application's"),
    ),
    ("3.3", "External Joins", Informative("overview")),
    ("3.4", "Relationships between Epochs", Informative("overview")),
    ("4", "Ratchet Tree Concepts", Rules),
    ("4.1", "Ratchet Tree Terminology", Rules),
    ("4.1.1", "Ratchet Tree Nodes", Rules),
    ("4.1.2", "Paths through a Ratchet Tree", Rules),
    ("4.2", "Views of a Ratchet Tree", Rules),
    ("5", "Cryptographic Objects", Rules),
    ("5.1", "Cipher Suites", Rules),
    ("5.1.1", "Public Keys", Rules),
    ("5.1.2", "Signing", Rules),
    ("5.1.3", "Public Key Encryption", Rules),
    ("5.2", "Hash-Based Identifiers", Rules),
    ("5.3", "Credentials", Rules),
    ("5.3.1", "Credential Validation", Rules),
    ("5.3.2", "Credential Expiry and Revocation", Rules),
    (
        "5.3.3",
        "Uniquely Identifying Clients",
        NotHere("the SDK's credential names the device; the core carries `application_id` unread"),
    ),
    ("6", "Message Framing", Rules),
    ("6.1", "Content Authentication", Rules),
    ("6.2", "Encoding and Decoding a Public Message", Rules),
    ("6.3", "Encoding and Decoding a Private Message", Rules),
    ("6.3.1", "Content Encryption", Rules),
    ("6.3.2", "Sender Data Encryption", Rules),
    ("7", "Ratchet Tree Operations", Rules),
    ("7.1", "Parent Node Contents", Rules),
    ("7.2", "Leaf Node Contents", Rules),
    ("7.3", "Leaf Node Validation", Rules),
    ("7.4", "Ratchet Tree Evolution", Rules),
    ("7.5", "Synchronizing Views of the Tree", Rules),
    ("7.6", "Update Paths", Rules),
    ("7.7", "Adding and Removing Leaves", Rules),
    ("7.8", "Tree Hashes", Rules),
    ("7.9", "Parent Hashes", Rules),
    ("7.9.1", "Using Parent Hashes", Informative("what parent hashes are for")),
    ("7.9.2", "Verifying Parent Hashes", Rules),
    ("8", "Key Schedule", Rules),
    ("8.1", "Group Context", Rules),
    ("8.2", "Transcript Hashes", Rules),
    ("8.3", "External Initialization", Rules),
    ("8.4", "Pre-Shared Keys", Rules),
    ("8.5", "Exporters", Rules),
    ("8.6", "Resumption PSK", Rules),
    ("8.7", "Epoch Authenticators", Rules),
    ("9", "Secret Tree", Rules),
    ("9.1", "Encryption Keys", Rules),
    ("9.2", "Deletion Schedule", Rules),
    ("10", "Key Packages", Rules),
    ("10.1", "KeyPackage Validation", Rules),
    ("11", "Group Creation", Rules),
    ("11.1", "Required Capabilities", Rules),
    ("11.2", "Reinitialization", Rules),
    ("11.3", "Subgroup Branching", Rules),
    ("12", "Group Evolution", Rules),
    ("12.1", "Proposals", Rules),
    ("12.1.1", "Add", Rules),
    ("12.1.2", "Update", Rules),
    ("12.1.3", "Remove", Rules),
    ("12.1.4", "PreSharedKey", Rules),
    ("12.1.5", "ReInit", Rules),
    ("12.1.6", "ExternalInit", Rules),
    ("12.1.7", "GroupContextExtensions", Rules),
    ("12.1.8", "External Proposals", Rules),
    ("12.1.8.1", "External Senders Extension", Rules),
    ("12.2", "Proposal List Validation", Rules),
    ("12.3", "Applying a Proposal List", Rules),
    ("12.4", "Commit", Rules),
    ("12.4.1", "Creating a Commit", Rules),
    ("12.4.2", "Processing a Commit", Rules),
    ("12.4.3", "Adding Members to the Group", Rules),
    ("12.4.3.1", "Joining via Welcome Message", Rules),
    ("12.4.3.2", "Joining via External Commits", Rules),
    ("12.4.3.3", "Ratchet Tree Extension", Rules),
    ("13", "Extensibility", Rules),
    ("13.1", "Additional Cipher Suites", Informative("what a new suite has to bring")),
    ("13.2", "Proposals", NotHere("repeats a rule of §12.2")),
    ("13.3", "Credential Extensibility", Informative("repeats §7.2, §7.3 and §11.1")),
    ("13.4", "Extensions", Rules),
    ("13.5", "GREASE", Rules),
    ("14", "Sequencing of State Changes", Rules),
    ("15", "Application Messages", Rules),
    ("15.1", "Padding", Rules),
    ("15.2", "Restrictions", NotHere("met by design: no AEAD key encrypts more than one message")),
    ("15.3", "Delayed and Reordered Application Messages", Rules),
    ("16", "Security Considerations", Informative("introduction")),
    ("16.1", "Transport Security", Rules),
    ("16.2", "Confidentiality of Group Secrets", Informative("what chapters 4 to 9 achieve")),
    ("16.3", "Confidentiality of Sender Data", NotHere("asked of future suites")),
    ("16.4", "Confidentiality of Group Metadata", Informative("what `PrivateMessage` hides")),
    ("16.4.1", "GroupID, Epoch, and Message Frequency", Informative("what it does not hide")),
    ("16.4.2", "Group Extensions", Informative("who sees extensions")),
    ("16.4.3", "Group Membership", Informative("who sees the members")),
    ("16.5", "Authentication", Informative("what signatures and keys authenticate")),
    ("16.6", "Forward Secrecy and Post-Compromise Security", Rules),
    ("16.7", "Uniqueness of Ratchet Tree Key Pairs", NotHere("repeats §7.3, §12.2 and §12.4.2")),
    ("16.8", "KeyPackage Reuse", Rules),
    ("16.9", "Delivery Service Compromise", Informative("what a bad Delivery Service can do")),
    ("16.10", "Authentication Service Compromise", Informative("what a bad Authentication Service can do")),
    ("16.11", "Additional Policy Enforcement", Informative("policies beyond the protocol")),
    (
        "16.12",
        "Group Fragmentation by Malicious Insiders",
        NotHere("an application's way to report failed commits; a member left behind joins again"),
    ),
    ("17", "IANA Considerations", Informative("how registries are kept")),
    ("17.1", "MLS Cipher Suites", Rules),
    ("17.2", "MLS Wire Formats", Informative("IANA registry")),
    ("17.3", "MLS Extension Types", Informative("IANA registry")),
    ("17.4", "MLS Proposal Types", Informative("IANA registry")),
    ("17.5", "MLS Credential Types", Informative("IANA registry")),
    ("17.6", "MLS Signature Labels", Informative("registry; labels are written where they are used")),
    ("17.7", "MLS Public Key Encryption Labels", Informative("registry; labels are written where they are used")),
    ("17.8", "MLS Exporter Labels", Informative("registry; labels are written where they are used")),
    ("17.9", "MLS Designated Expert Pool", NotHere("asked of the registries' experts")),
    ("17.10", "The \"message/mls\" Media Type", Informative("a media type, which no module uses")),
    ("A", "Protocol Origins of Example Trees", Informative("how the example trees come about")),
    ("B", "Evolution of Parent Hashes", Rules),
    ("C", "Array-Based Trees", Rules),
    ("D", "Link-Based Trees", Informative("another way to hold a tree")),
];

/// Where the names of the vectors are in the code.
pub(crate) const VECTOR_CODE: &str = "cenacle-cli";

/// What the official vectors cover, cited as comments cite it.
pub(crate) const VECTORS: &[(&str, &str)] = &[
    ("tree-math", "Appendix C"),
    ("deserialization", "§2.1.2"),
    ("crypto-basics", "§5.1.2, §5.1.3, §5.2, §8, §9"),
    ("psk_secret", "§8.4"),
    ("key-schedule", "§8, §8.1, §8.5 to §8.7"),
    ("transcript-hashes", "§6.1, §8.2"),
    ("secret-tree", "§6.3.2, §9, §9.1"),
    ("message-protection", "§6, §6.1 to §6.3, §6.3.1, §6.3.2"),
    ("messages", "§2.1, §2.1.1, §6, §10, §12.1.1 to §12.1.7, §12.4, §12.4.3, §12.4.3.3"),
    ("tree-operations", "§7.7, §12.1.1 to §12.1.3"),
    ("tree-validation", "§4.1.1, §7.3, §7.8, §7.9, §7.9.2"),
    ("treekem", "§4.1.2, §7.4 to §7.6, §7.9"),
    ("welcome", "§12.4.3.1"),
    ("passive-client-welcome", "§12.4.3.1, §12.4.3.3"),
    ("passive-client-handling-commit", "§12.4.2, §12.4.3.1"),
    ("passive-client-random", "§12.2, §12.3, §12.4.2, §12.4.3.1"),
];

/// The position of a section.
pub(crate) fn position(number: &str) -> Option<usize> {
    SECTIONS.iter().position(|(known, ..)| *known == number)
}

/// The positions of a section, or of all of a range on one level.
///
/// # Errors
/// The number that RFC 9420 does not have.
pub(crate) fn positions(first: &str, last: Option<&str>) -> Result<Vec<usize>, String> {
    let unknown = |number: &str| format!("RFC 9420 has no §{number}");
    let from = position(first).ok_or_else(|| unknown(first))?;
    let Some(last) = last else { return Ok(vec![from]) };
    let to = position(last).ok_or_else(|| unknown(last))?;
    let (parent, depth) = parent_and_depth(first);
    if parent_and_depth(last) != (parent, depth) || to <= from {
        return Err(format!("§{first} to §{last} is not a range"));
    }
    let siblings = SECTIONS.iter().enumerate().take(to + 1).skip(from);
    Ok(siblings.filter(|(_, section)| parent_and_depth(section.0) == (parent, depth)).map(|(at, _)| at).collect())
}

fn parent_and_depth(number: &str) -> (&str, usize) {
    let parent = number.rsplit_once('.').map_or("", |(parent, _)| parent);
    (parent, number.matches('.').count())
}
