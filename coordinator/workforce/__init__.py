"""The 五社 workforce: workers, skills, credentials, guardians, availability, pairings."""
